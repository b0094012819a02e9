//! The town's key, and the tokens that are made with it.
//!
//! A token proves that its bearer was given it by the daemon. Agents run under
//! the same user and could read the key file where no sandbox hides it: the
//! tokens keep mistakes apart, not a determined attacker.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use gtd_core::{BeadId, Epoch, RoleName};
use gtd_wire::{Caller, Token};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const KEY_BYTES: usize = 32;

/// Says why the town's key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error("read the town's key {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file could not be made.
    #[error("make the town's key {}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds no key.
    #[error("understand the town's key {}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the file.
    #[error("trust the town's key {}: others can read it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
}

/// The secret of a town.
#[derive(Clone)]
pub struct TownKey([u8; KEY_BYTES]);

impl std::fmt::Debug for TownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TownKey(…)")
    }
}

impl TownKey {
    /// Reads the key.
    ///
    /// # Errors
    /// When the file is not there, is damaged or can be read by others.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let read = |source| KeyError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(read)?;
        if file.metadata().map_err(read)?.mode() & 0o077 != 0 {
            let path = path.to_owned();
            return Err(KeyError::Open { path });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(read)?;
        unhex(text.trim())
            .map(Self)
            .ok_or_else(|| KeyError::Damaged {
                path: path.to_owned(),
            })
    }

    /// Reads the key, and makes it at the first time. Two that do so at once get the same key.
    ///
    /// # Errors
    /// When the file can neither be read nor made.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|source| KeyError::Make {
                    path: path.to_owned(),
                    source,
                })?;
                Self::load(path)
            }
            had => had,
        }
    }

    /// Returns the token of a role.
    #[must_use]
    pub fn role_token(&self, role: &RoleName) -> Token {
        self.token(&format!("role/{role}"))
    }

    /// Returns the token of a lease.
    #[must_use]
    pub fn lease_token(&self, bead: &BeadId, epoch: Epoch) -> Token {
        self.token(&format!("lease/{bead}/{epoch}"))
    }

    /// Returns a role as a caller.
    #[must_use]
    pub fn role(&self, name: RoleName) -> Caller {
        let token = self.role_token(&name);
        Caller::Role { name, token }
    }

    /// Returns the holder of a lease as a caller.
    #[must_use]
    pub fn lease(&self, bead: BeadId, epoch: Epoch) -> Caller {
        let token = self.lease_token(&bead, epoch);
        Caller::Lease { bead, epoch, token }
    }

    /// Tells whether the caller's token is its own; a person has none and needs none.
    #[must_use]
    pub fn believes(&self, caller: &Caller) -> bool {
        let (claim, token) = match caller {
            Caller::Person { .. } => return true,
            Caller::Role { name, token } => (format!("role/{name}"), token),
            Caller::Lease { bead, epoch, token } => (format!("lease/{bead}/{epoch}"), token),
        };
        unhex(token.as_str()).is_some_and(|bytes| self.mac(&claim).verify_slice(&bytes).is_ok())
    }

    fn token(&self, claim: &str) -> Token {
        let bytes = self.mac(claim).finalize().into_bytes();
        Token::parse(&hex(&bytes)).expect("hex digits make a token")
    }

    fn mac(&self, claim: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(claim.as_bytes());
        mac
    }
}

/// Writes a whole key beside the place and links it there, unless somebody was faster.
fn create(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let fresh = path.with_extension(format!("new.{}", uuid::Uuid::new_v4().simple()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    let linked = file
        .write_all(hex(&bytes).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleName {
        RoleName::parse(name).unwrap()
    }

    fn bead(id: &str) -> BeadId {
        BeadId::parse(id).unwrap()
    }

    #[test]
    fn two_that_start_at_once_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let keys: Vec<TownKey> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| TownKey::load_or_create(&path).unwrap()))
                .collect();
            starters
                .into_iter()
                .map(|starter| starter.join().unwrap())
                .collect()
        });
        assert!(keys.iter().all(|key| key.0 == keys[0].0));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_caller_is_believed_only_with_its_own_token() {
        let key = TownKey([7; KEY_BYTES]);
        let other = TownKey([8; KEY_BYTES]);
        assert!(key.believes(&key.role(role("mayor"))));
        assert!(key.believes(&key.lease(bead("gt-1"), Epoch(3))));
        assert!(!key.believes(&other.role(role("mayor"))));
        let token = key.lease_token(&bead("gt-1"), Epoch(3));
        assert!(!key.believes(&Caller::Lease {
            bead: bead("gt-1"),
            epoch: Epoch(4),
            token: token.clone()
        }));
        assert!(!key.believes(&Caller::Role {
            name: role("mayor"),
            token
        }));
        assert!(!key.believes(&Caller::Role {
            name: role("mayor"),
            token: Token::parse("short").unwrap()
        }));
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_damaged_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        TownKey::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(TownKey::load(&path), Err(KeyError::Open { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "abc").unwrap();
        assert!(matches!(
            TownKey::load_or_create(&path),
            Err(KeyError::Damaged { .. })
        ));
    }
}
