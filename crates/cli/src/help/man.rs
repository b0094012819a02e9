//! Man pages, made of the same texts as `--help`.

use std::io;

use clap::Command;
use clap_mangen::Man;

/// Renders a page for the program and for each command below it, with its file name.
pub(crate) fn man_pages(mut command: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    // After `build` a command below another is called `gtd bead list`.
    let full = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let name = full.replace(' ', "-");
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name.to_uppercase())
        .manual("Manual of gtd")
        .render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_a_man_page() {
        let mut command = crate::args::Cli::command();
        let pages = man_pages(command.clone()).unwrap();
        let has = |name: &str| pages.iter().any(|(page, _)| page == name);
        assert!(has("gtd.1"));
        command.build();
        for sub in command.get_subcommands() {
            let name = format!("gtd-{}", sub.get_name());
            assert!(has(&format!("{name}.1")), "{name}");
            for below in sub.get_subcommands() {
                let name = format!("{name}-{}", below.get_name());
                assert!(has(&format!("{name}.1")), "{name}");
            }
        }
        for (name, page) in &pages {
            let page = String::from_utf8(page.clone()).unwrap();
            assert!(page.contains(".SH SYNOPSIS"), "{name}");
        }
    }
}
