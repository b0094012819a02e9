//! Whether the machine has room for one more run.
//!
//! The floors are the user's, read anew whenever the file changes: whoever
//! lowers one sees work begin without a restart. A file that cannot be read
//! leaves the floors as they were; `gtd doctor` tells what is wrong with it.

use gtd_client::{Places, Resource, Room, UserTexts, look_at_room};
use gtd_core::config::{Config, Resources, resources};
use gtd_plan::MachineSeen;

/// The floors in effect, and the texts that they come from.
#[derive(Debug)]
pub(crate) struct Floors {
    texts: Option<UserTexts>,
    floors: Resources,
}

impl Default for Floors {
    fn default() -> Self {
        Self {
            texts: None,
            floors: resources(&Config::merge([])),
        }
    }
}

impl Floors {
    /// Returns the floors as the user has them now.
    pub(crate) fn now(&mut self, places: &Places) -> Resources {
        let Ok(texts) = UserTexts::read(places) else {
            return self.floors;
        };
        if self.texts.as_ref() != Some(&texts) {
            if let Ok(config) = texts.config() {
                self.floors = resources(&config);
            }
            self.texts = Some(texts);
        }
        self.floors
    }
}

/// Looks at disk, inodes, memory and open files.
pub(crate) fn look(places: &Places, floors: &Resources) -> MachineSeen {
    let rooms = look_at_room(places, floors, std::process::id());
    let Some(short) = rooms.into_iter().find(Room::is_short) else {
        return MachineSeen::Roomy;
    };
    let what = match short.resource {
        Resource::Disk => "the disk is nearly full",
        Resource::Inodes => "the disk is nearly out of inodes",
        Resource::Memory => "memory is short",
        Resource::Files => "too many files are open",
    };
    MachineSeen::Short(format!("{what}: {short}"))
}
