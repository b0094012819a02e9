//! The one way in: connect, typed calls, the mirror of the graph.
//!
//! Everybody who is not the ledger itself comes through here: the terminal,
//! the roles, the agents. Nothing here decides anything, and no call waits
//! longer than its deadline.

mod channel;
mod client;
mod door;
mod error;
mod hearing;
mod host_line;
mod key;
mod mirror;
mod places;
mod project;
mod read;
mod rig_folders;
mod room;
mod stream;
mod town_config;
mod user_texts;
mod write;

pub use client::Client;
pub use door::{Door, knock};
pub use error::ClientError;
pub use gtd_wire::{
    ApprovalWish, Caller, GoalWish, LandWish, Token, WriteContext, Written, pb::common::v1::Line,
};
pub use hearing::{Called, Listener};
pub use host_line::{HostLine, Order, Orders};
pub use key::{KeyError, TownKey};
pub use mirror::Mirror;
pub use places::{Places, PlacesError};
pub use project::{LOCAL_FILE, PROJECT_FILE, ProjectError, ProjectTexts, read_roles};
pub use read::{CostWish, Hello, Page, Told};
pub use rig_folders::{RigFolders, RigFoldersError};
pub use room::{Resource, Room, look_at_room};
pub use stream::{Lines, LogPage, Recorded, Watch};
pub use town_config::{TownConfigError, town_config};
pub use user_texts::{UserTexts, environment};
pub use write::{GoalReceipt, Rehearsal, RigReceipt};
