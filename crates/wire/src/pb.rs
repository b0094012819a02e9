//! The generated messages, clients and servers of `proto/`.
//!
//! `scripts/protos` writes the files under `src/gen`; a test fails when they
//! differ from the protos. Nobody edits them.

macro_rules! package {
    ($name:ident, $file:literal) => {
        #[doc = concat!("The package `gtd.", stringify!($name), "`.")]
        pub mod $name {
            #[doc = concat!("Version 1 of the package `gtd.", stringify!($name), "`.")]
            #[allow(
                missing_docs,
                unreachable_pub,
                let_underscore_drop,
                clippy::all,
                clippy::pedantic,
                reason = "generated code keeps its own style"
            )]
            pub mod v1 {
                include!(concat!("gen/", $file));
            }
        }
    };
}

package!(common, "gtd.common.v1.rs");
package!(goal, "gtd.goal.v1.rs");
package!(graph, "gtd.graph.v1.rs");
package!(health, "gtd.health.v1.rs");
package!(host, "gtd.host.v1.rs");
package!(mail, "gtd.mail.v1.rs");
package!(merge, "gtd.merge.v1.rs");
package!(plan, "gtd.plan.v1.rs");
package!(run, "gtd.run.v1.rs");
package!(seat, "gtd.seat.v1.rs");
package!(town, "gtd.town.v1.rs");
package!(work, "gtd.work.v1.rs");

/// The description of all packages, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");
