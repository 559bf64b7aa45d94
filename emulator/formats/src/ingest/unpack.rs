//! Compressed files.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::IngestError;

/// Unpacks gzip, known by its first bytes; a `.gz` name without them is an invalid file. Zip files
/// are refused.
pub(super) fn unpack(bytes: Vec<u8>, name: &str) -> Result<Vec<u8>, IngestError> {
    if bytes.starts_with(b"PK\x03\x04") || name.to_ascii_lowercase().ends_with(".zip") {
        return Err(IngestError::FormatNotSupported {
            what: "zip compression".to_owned(),
        });
    }
    if !bytes.starts_with(b"\x1f\x8b") {
        if name.to_ascii_lowercase().ends_with(".gz") {
            return Err(IngestError::invalid_blob("it is not gzip data"));
        }
        return Ok(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len().saturating_mul(4));
    MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .map_err(|_| IngestError::invalid_blob("its gzip data are damaged"))?;
    Ok(plain)
}
