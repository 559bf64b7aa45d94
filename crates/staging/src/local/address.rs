//! Between paths and the addresses that clusters take and report.

use std::path::{Component, Path, PathBuf};

use url::Url;

use crate::error::LakeError;
use crate::name::{ObjectName, Prefix};

/// The folder that a user's text names.
pub(super) fn folder_of(location: &str) -> Result<PathBuf, LakeError> {
    let refuse = |reason: &str| LakeError::Location {
        text: without_access(location),
        reason: reason.to_owned(),
    };
    if location.trim().is_empty() {
        return Err(refuse("it is empty; give a folder or a file:// address"));
    }
    if has_scheme(location, "file") {
        let url = Url::parse(location).map_err(|_| refuse("it is no well-formed address"))?;
        return url
            .to_file_path()
            .map_err(|()| refuse("a file:// address must name a folder of this machine"));
    }
    if location.contains("://") {
        return Err(refuse(
            "only local folders can be used; give a path or a file:// address",
        ));
    }
    std::path::absolute(location).map_err(|_| refuse("it is no path; give an absolute one"))
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(given, _)| given.eq_ignore_ascii_case(scheme))
}

/// What may be shown of an address: no user name or password, nothing from a query or a
/// credential on.
fn without_access(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['?', ';']).unwrap_or(rest.len());
    let shown = &rest[..end];
    let host_end = shown.find('/').unwrap_or(shown.len());
    let host = shown[..host_end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &shown[host..])
}

/// `file:///…`, percent-encoded, `;` included: a connection string ends its address there.
pub(super) fn file_address(path: &Path) -> Result<String, LakeError> {
    let url = Url::from_file_path(path).map_err(|()| LakeError::Location {
        text: path.display().to_string(),
        reason: "it is not absolute; give an absolute path".to_owned(),
    })?;
    Ok(url.as_str().replace(';', "%3B"))
}

/// The name of a reported file, which must lie in the prefix. Whether it exists is not looked at.
pub(super) fn locate(root: &Path, reported: &str, under: &Prefix) -> Result<ObjectName, LakeError> {
    path_of(reported)
        .and_then(|path| name_of(root, &path))
        .filter(|name| under.contains(name))
        .ok_or_else(|| LakeError::NotOurs {
            reported: without_access(reported),
            under: under.clone(),
        })
}

fn path_of(reported: &str) -> Option<PathBuf> {
    if has_scheme(reported, "file") {
        return Url::parse(reported).ok()?.to_file_path().ok();
    }
    Some(PathBuf::from(reported))
}

fn name_of(root: &Path, path: &Path) -> Option<ObjectName> {
    let mut segments = Vec::new();
    for component in path.strip_prefix(root).ok()?.components() {
        match component {
            Component::Normal(segment) => segments.push(segment.to_str()?),
            Component::CurDir
            | Component::ParentDir
            | Component::Prefix(_)
            | Component::RootDir => return None,
        }
    }
    ObjectName::new(&segments.join("/")).ok()
}
