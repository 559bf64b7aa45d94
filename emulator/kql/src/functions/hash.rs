//! Hashes, ids, random numbers.
//!
//! `hash_sha256` hashes the text that `tostring` gives, `hash_xxhash64` the UTF-8 bytes of a string
//! and the eight bytes of a datetime's ticks, least first: so the documented values of strings and
//! datetimes tell. Other numbers are hashed by their bytes in the same way, other types by their
//! text; both are our reading. Equal values have equal hashes on every embedded cluster.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Volatility, lit};
use kusto_emulator_values::ScalarType;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh64::xxh64;

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::kernel::{self, Columns};

use super::{Arguments, convert};

pub(super) const NAMES: &[&str] = &["hash", "hash_xxhash64", "hash_sha256", "new_guid", "rand"];

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    Some(match name {
        "hash" | "hash_xxhash64" => xxhash(args),
        "hash_sha256" => sha256(args),
        "new_guid" => new_guid(args),
        "rand" => random(args),
        _ => return None,
    })
}

/// `hash_xxhash64(value [, mod])`
fn xxhash(args: &Arguments) -> Result<Scalar> {
    args.count(1, 2)?;
    let value = args.get(0)?.clone();
    let ty = value.ty;
    let value = match ty {
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::DateTime
        | ScalarType::TimeSpan => value.expr,
        ScalarType::Decimal | ScalarType::Guid | ScalarType::String | ScalarType::Dynamic => {
            convert(value, ScalarType::String)?.expr
        }
    };
    let mut values = vec![value];
    if args.len() == 2 {
        values.push(args.typed(1, ScalarType::Long)?);
    }
    let name = format!("hash_xxhash64_{ty}");
    let expr = kernel::call(name, ScalarType::Long, values, move |columns| {
        let hashes = hashes(columns, ty)?;
        let modulus = if columns.len() > 1 {
            Some(columns.long(1)?)
        } else {
            None
        };
        columns.longs(|row| {
            let hash = hashes(row);
            match &modulus {
                None => Some(hash.cast_signed()),
                Some(modulus) => {
                    let modulus = modulus
                        .get(row)
                        .and_then(|modulus| u64::try_from(modulus).ok())?;
                    hash.checked_rem(modulus).map(u64::cast_signed)
                }
            }
        })
    });
    Ok(args.result(expr, ScalarType::Long))
}

/// The hash of each row of the first argument; null has that of no bytes.
fn hashes<'a>(
    columns: &'a Columns,
    ty: ScalarType,
) -> datafusion::common::Result<Box<dyn Fn(usize) -> u64 + 'a>> {
    let bytes = |bytes: Option<&[u8]>| xxh64(bytes.unwrap_or_default(), 0);
    Ok(match ty {
        ScalarType::Bool => {
            let values = columns.bool(0)?;
            Box::new(move |row| {
                let value = values.get(row).map(|value| [u8::from(value)]);
                bytes(value.as_ref().map(<[u8; 1]>::as_slice))
            })
        }
        ScalarType::Int => {
            let values = columns.int(0)?;
            Box::new(move |row| {
                let value = values.get(row).map(i32::to_le_bytes);
                bytes(value.as_ref().map(<[u8; 4]>::as_slice))
            })
        }
        ScalarType::Real => {
            let values = columns.real(0)?;
            Box::new(move |row| {
                let value = values.get(row).map(f64::to_le_bytes);
                bytes(value.as_ref().map(<[u8; 8]>::as_slice))
            })
        }
        ScalarType::Long | ScalarType::DateTime | ScalarType::TimeSpan => {
            let values = columns.long(0)?;
            Box::new(move |row| {
                let value = values.get(row).map(i64::to_le_bytes);
                bytes(value.as_ref().map(<[u8; 8]>::as_slice))
            })
        }
        ScalarType::Decimal | ScalarType::Guid | ScalarType::String | ScalarType::Dynamic => {
            let texts = columns.text(0)?;
            Box::new(move |row| xxh64(texts.or_empty(row).as_bytes(), 0))
        }
    })
}

fn sha256(args: &Arguments) -> Result<Scalar> {
    args.count(1, 1)?;
    let value = convert(args.get(0)?.clone(), ScalarType::String)?.expr;
    let expr = kernel::call("hash_sha256", ScalarType::String, vec![value], |columns| {
        let texts = columns.text(0)?;
        columns.strings(|row, out| {
            for byte in Sha256::digest(texts.or_empty(row).as_bytes()) {
                out.push_str(&format!("{byte:02x}"));
            }
        })
    });
    Ok(args.result(expr, ScalarType::String))
}

/// A new id for each row.
fn new_guid(args: &Arguments) -> Result<Scalar> {
    args.count(0, 0)?;
    let expr = kernel::call_arrow(
        "new_guid",
        DataType::Utf8,
        Volatility::Volatile,
        Vec::new(),
        |columns| columns.texts(|_| Some(uuid::Uuid::new_v4().to_string())),
    );
    Ok(Scalar::new(expr, ScalarType::Guid, false))
}

/// `rand()`: a real in [0, 1); `rand(n)`: a whole number below n, as a real.
fn random(args: &Arguments) -> Result<Scalar> {
    args.count(0, 1)?;
    let below = if args.len() == 1 {
        args.typed(0, ScalarType::Long)?
    } else {
        lit(1_i64)
    };
    if args.len() == 1 && !args.constant() {
        return Err(KqlError::unsupported(
            "rand() of a value that is not constant",
        ));
    }
    let whole = args.len() == 1;
    let expr = kernel::call_arrow(
        "rand",
        DataType::Float64,
        Volatility::Volatile,
        vec![below],
        move |columns| {
            let below = columns.long(0)?;
            columns.reals(|row| {
                let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
                // The 48 random bits in front of the version of the id.
                let part =
                    super::conversion::as_real((high >> 16).cast_signed()) / 281_474_976_710_656.0;
                let below = below.get(row)?;
                let value = part * super::conversion::as_real(below);
                Some(if whole && below > 1 {
                    value.floor()
                } else {
                    value
                })
            })
        },
    );
    Ok(Scalar::new(expr, ScalarType::Real, false))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let group = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                let index = usize::try_from((group >> (18 - 6 * place)) & 63).unwrap_or(0);
                out.push(char::from(ALPHABET[index]));
            }
        }
    }
    out
}

/// The bytes of a base64 text; none if it is none.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    let mut group = 0_u32;
    let mut bits = 0_u32;
    for byte in digits.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        group = (group << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((group >> bits) & 255).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{base64, from_base64};

    #[test]
    fn base64_both_ways() {
        for (plain, coded) in [
            ("", ""),
            ("a", "YQ=="),
            ("ab", "YWI="),
            ("abc", "YWJj"),
            ("Kusto", "S3VzdG8="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
            assert_eq!(from_base64(coded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(from_base64("a?=="), None);
    }
}
