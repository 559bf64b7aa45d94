use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::contract::Fixture;

/// A lake in a folder whose name needs care in addresses.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("my lake; 100% #1?")
    }

    async fn lake(&self) -> LocalLake {
        let location = self.root().display().to_string();
        LocalLake::open(&location).await.expect("a lake")
    }
}

fn path_of(address: &str) -> PathBuf {
    url::Url::parse(address)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .expect("a file address")
}

#[async_trait]
impl Fixture for Folder {
    async fn open(&self) -> Arc<dyn Lake> {
        Arc::new(self.lake().await)
    }

    async fn export(&self, target: &StorageUri, file: &str, contents: &[u8]) -> String {
        let folder = path_of(&target.expose());
        fs::create_dir_all(&folder).expect("the target's folder");
        fs::write(folder.join(file), contents).expect("an exported file");
        format!("{}/{file}", target.address())
    }

    async fn ingest(&self, uri: &StorageUri) -> Vec<u8> {
        fs::read(path_of(&uri.expose())).expect("a staged file")
    }

    async fn foreign(&self) -> Vec<String> {
        let root = self.root().display().to_string();
        vec![
            "/etc/passwd".to_owned(),
            "file:///etc/passwd".to_owned(),
            "file://host/etc/passwd".to_owned(),
            format!("{root}x/j/t/i/b/a001/f"),
            format!("{root}/../j/t/i/b/a001/f"),
            "https://account.blob.core.windows.net/lake/j/t/i/b/a001/f?sig=secret".to_owned(),
        ]
    }
}

crate::lake_contract!(Folder::new());

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect("a prefix")
}

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).expect("a name")
}

#[tokio::test]
async fn plain_path_and_address_are_one_lake() {
    let folder = Folder::new();
    let lake = folder.lake().await;
    let address = address::file_address(&folder.root()).expect("an address");
    assert!(!address.contains([' ', ';', '#', '?']), "{address}");
    let same = LocalLake::open(&address).await.expect("a lake");
    assert_eq!(lake.root(), same.root());
    // A cluster may report a plain path as well.
    let plain = lake.root().join("j/a/f.csv").display().to_string();
    let uri = lake.ingest_uri(&plain, &prefix("j/a")).await;
    assert!(uri.expect("an address").address().ends_with("/j/a/f.csv"));
}

async fn refusal(location: &str) -> LakeError {
    match LocalLake::open(location).await {
        Ok(lake) => panic!("{location:?} was opened as {}", lake.root().display()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn text_that_names_no_folder_is_refused_without_its_secret() {
    for location in [
        "",
        "  ",
        "https://account.blob.core.windows.net/lake?sv=1&sig=secret",
        "abfss://user:secret@account/lake;secret",
        "file://host/folder;secret",
    ] {
        let error = refusal(location).await;
        assert!(matches!(error, LakeError::Location { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn file_in_the_place_of_a_folder_is_told() {
    let folder = Folder::new();
    let file = folder.0.path().join("file");
    fs::write(&file, b"x").expect("a file");
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path.display().to_string()).await;
        assert!(error.to_string().contains("a file is where"), "{error}");
    }
    let lake = folder.lake().await;
    fs::write(lake.root().join("j"), b"x").expect("a file");
    let error = lake.put_if_absent(&name("j/a"), b"x").await;
    let text = error.expect_err("a file in the way").to_string();
    assert!(text.contains("a file is where"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn folder_that_cannot_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let set = |mode| fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(mode));
    set(0o500).expect("read only");
    // Whoever may write everywhere cannot see this refusal.
    let bound = fs::write(folder.0.path().join("probe"), b"x").is_err();
    let opened = LocalLake::open(&folder.root().display().to_string()).await;
    set(0o700).expect("writable again");
    match opened {
        Err(error) => assert!(matches!(error, LakeError::Denied { .. }), "{error:?}"),
        Ok(_) => assert!(!bound, "a folder without permission was opened"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let outside = folder.0.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("precious"), b"x").expect("a file");
    let lake = folder.lake().await;
    fs::create_dir_all(lake.root().join("j/a")).expect("a folder");
    symlink(&outside, lake.root().join("linked")).expect("a link");
    symlink(&outside, lake.root().join("j/a/folder")).expect("a link");
    symlink(outside.join("precious"), lake.root().join("j/a/file")).expect("a link");

    let is_link = |error: &LakeError| matches!(error, LakeError::Link { .. });
    let error = lake.delete_prefix(&prefix("linked")).await;
    assert!(error.is_err_and(|error| is_link(&error)));
    let error = lake.list(&prefix("linked")).await;
    assert!(error.is_err_and(|error| is_link(&error)));
    let error = lake.get(&name("linked/precious")).await;
    assert!(error.is_err_and(|error| is_link(&error)));
    let error = lake.get(&name("j/a/file")).await;
    assert!(error.is_err_and(|error| is_link(&error)));
    let error = lake.put_if_absent(&name("linked/new"), b"x").await;
    assert!(error.is_err_and(|error| is_link(&error)));
    let listed = lake.list(&prefix("j")).await.expect("a listing");
    assert!(listed.is_empty(), "{listed:?}");

    let deleted = lake.delete_prefix(&prefix("j")).await.expect("a delete");
    assert_eq!(deleted, Deleted::default());
    assert!(!lake.root().join("j").exists());
    let left: Vec<_> = fs::read_dir(&outside).expect("a listing").collect();
    assert_eq!(left.len(), 1, "what the links point to is untouched");
}

#[tokio::test]
async fn temporary_files_of_dead_writers_are_swept_and_of_living_ones_kept() {
    let folder = Folder::new();
    let lake = folder.lake().await;
    let temporary = lake.root().join(".tmp");
    fs::write(temporary.join("1-1"), b"half").expect("a dead writer's file");
    let living = fs::File::create(temporary.join("1-2")).expect("a living writer's file");
    living.lock().expect("its lock");
    let again = folder.lake().await;
    assert!(!temporary.join("1-1").exists());
    assert!(temporary.join("1-2").exists());
    drop(living);
    let put = again.put_if_absent(&name("a"), b"x").await.expect("a put");
    assert_eq!(put, Put::Created);
    folder.lake().await;
    let left = fs::read_dir(&temporary).expect("a listing").count();
    assert_eq!(left, 0);
}

proptest! {
    /// Whatever a cluster reports, what is accepted lies under the prefix.
    #[test]
    fn accepted_files_lie_under_the_prefix(tail in "(/|\\.|%2e|%2F|a|\\\\|\\?|#|;|é){0,12}") {
        let root = Path::new("/data/lake");
        let under = prefix("j/a");
        for reported in [
            format!("/data/lake/j/a/{tail}"),
            format!("file:///data/lake/j/a/{tail}"),
            format!("file:///data/lake/j/{tail}"),
            tail,
        ] {
            if let Ok(name) = address::locate(root, &reported, &under) {
                prop_assert!(under.contains(&name));
                let address = address::file_address(&root.join(name.as_str())).expect("an address");
                prop_assert_eq!(address::locate(root, &address, &under).expect("a name"), name);
            }
        }
    }
}
