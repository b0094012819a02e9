//! Everything that touches the git program: refs by compare-and-swap,
//! candidates made without a checkout, and a pool of worktrees.
//!
//! Blocking code: a caller in an async runtime uses its blocking threads.
//! What is asked for is *ensured*: each act first looks for what is already
//! true and adopts it, so that it may be repeated after a crash.
//!
//! What this crate never does: run the repository's hooks, force a ref, fetch
//! or push, touch a checkout of the person (with the one exception of
//! [`Repository::fast_forward_checkout`]), or delete work that is neither
//! committed nor snapshotted.

mod asked;
mod assemble;
mod checkout;
mod commit;
mod environment;
mod error;
mod history;
mod index;
mod lock;
mod made;
mod marker;
mod message;
mod notes;
mod objects;
mod operation;
mod pool;
mod process;
mod push;
mod refs;
mod repository;
mod run;
mod salvage;
mod sign;
mod slot;
mod status;
mod tree;

pub use assemble::{Against, Assembly, AssemblySpec, Conflict, Member};
pub use checkout::FastForward;
pub use commit::Commit;
pub use environment::agent_git_env;
pub use error::GitError;
pub use history::{ChangedTexts, DiffStat, OtherSide};
pub use marker::Owner;
pub use message::{Author, Trailer, message};
pub use operation::Operation;
pub use pool::{Checkout, Held, Pool, Removal, Tidy, WorktreeState};
pub use push::Push;
pub use refs::{Expect, RefMove};
pub use repository::Repository;
pub use run::{GitRun, RunFailure};
