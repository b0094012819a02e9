//! In which folder each rig is. Events name rigs and hold no paths; this file does.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use gtd_core::RigName;

/// Says why the folders of the rigs could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum RigFoldersError {
    /// The file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("understand {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The file could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The absolute folder of each rig.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RigFolders {
    /// The folders.
    pub folders: BTreeMap<RigName, PathBuf>,
}

impl RigFolders {
    /// Reads the file; one that is not there holds no rigs.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, RigFoldersError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                let path = path.to_owned();
                return Err(RigFoldersError::Read { path, source });
            }
        };
        let folders = serde_json::from_slice(&text).map_err(|source| RigFoldersError::Parse {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { folders })
    }

    /// Writes the file as a whole: a reader sees the old or the new one, also after a crash.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), RigFoldersError> {
        let text =
            serde_json::to_vec_pretty(&self.folders).map_err(|source| RigFoldersError::Write {
                path: path.to_owned(),
                source: source.into(),
            })?;
        replace(path, &text).map_err(|source| RigFoldersError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// Returns the folder of a rig.
    #[must_use]
    pub fn folder(&self, rig: &RigName) -> Option<&Path> {
        self.folders.get(rig).map(PathBuf::as_path)
    }

    /// Finds the rig whose folder holds a path; the innermost wins.
    #[must_use]
    pub fn rig_at(&self, path: &Path) -> Option<&RigName> {
        self.folders
            .iter()
            .filter(|(_, folder)| path.starts_with(folder))
            .max_by_key(|(_, folder)| folder.components().count())
            .map(|(rig, _)| rig)
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let fresh = path.with_extension(format!("new.{}", std::process::id()));
    let mut file = File::create(&fresh)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_back_as_they_were_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rigs.json");
        assert_eq!(RigFolders::load(&file).unwrap(), RigFolders::default());
        let mut rigs = RigFolders::default();
        let api = RigName::parse("api").unwrap();
        let inner = RigName::parse("inner").unwrap();
        rigs.folders.insert(api.clone(), "/src/api".into());
        rigs.folders.insert(inner.clone(), "/src/api/inner".into());
        rigs.save(&file).unwrap();
        rigs.save(&file).unwrap();
        let back = RigFolders::load(&file).unwrap();
        assert_eq!(back, rigs);
        assert_eq!(back.rig_at(Path::new("/src/api/x")), Some(&api));
        assert_eq!(back.rig_at(Path::new("/src/api/inner/x")), Some(&inner));
        assert_eq!(back.rig_at(Path::new("/src/apiary")), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_list_of_rigs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rigs.json");
        fs::write(&file, "[1]").unwrap();
        assert!(matches!(
            RigFolders::load(&file),
            Err(RigFoldersError::Parse { .. })
        ));
    }
}
