//! Addresses of state tables.

use url::Url;

use super::host::{self, Host, Service};
use super::{Addressed, LocationError, refusal};

const TABLE_REMEDY: &str = "write https://ACCOUNT.table.core.windows.net/TABLE";

/// A table of a storage account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLocation {
    host: Host,
    table: String,
}

impl TableLocation {
    /// Reads `https://ACCOUNT.table.core.windows.net/TABLE`, or Azurite's
    /// `http://127.0.0.1:PORT/ACCOUNT/TABLE`. A query is taken as a shared access signature.
    ///
    /// # Errors
    /// When it is neither, with what to write instead. Access in it is not repeated.
    pub fn parse(text: &str) -> Result<Addressed<Self>, LocationError> {
        let refuse = |reason| refusal(text, "the address of a state table", reason, TABLE_REMEDY);
        let split = host::split(text, Service::Table).map_err(refuse)?;
        let [table] = split.path.as_slice() else {
            return Err(refuse("it does not name one table".to_owned()));
        };
        check_table(table).map_err(|reason| refuse(reason.to_owned()))?;
        Ok(Addressed {
            location: Self::at(split.host, table),
            access: split.access,
        })
    }

    pub(super) fn at(host: Host, table: &str) -> Self {
        Self {
            host,
            table: table.to_owned(),
        }
    }

    /// The storage account.
    #[must_use]
    pub fn account(&self) -> &str {
        self.host.account()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Address of the account's table service.
    #[must_use]
    pub fn service_url(&self) -> Url {
        self.host.url(&[])
    }

    /// The table's address in its one form.
    #[must_use]
    pub fn address(&self) -> String {
        self.host.url(&[&self.table]).to_string()
    }

    /// Whether this is Azurite on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.is_local()
    }
}

/// The rule of
/// <https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model>.
fn check_table(name: &str) -> Result<(), &'static str> {
    if name.len() < 3 || name.len() > 63 {
        return Err("a table's name has 3 to 63 characters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("a table's name has only letters and digits");
    }
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err("a table's name begins with a letter");
    }
    if name.eq_ignore_ascii_case("tables") {
        return Err("`tables` is a reserved name");
    }
    Ok(())
}
