//! The generated code is checked in: building needs no protobuf compiler.
//!
//! With `GTD_UPDATE=1` (`scripts/protos`) the files are written anew instead of compared.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

use std::{collections::BTreeMap, fs, path::Path};

type Files = BTreeMap<String, Vec<u8>>;

/// Finds all protos, as paths below `proto/`, in order.
fn protos(folder: &Path, root: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            protos(&path, root, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            let below = path.strip_prefix(root).unwrap();
            found.push(below.to_str().unwrap().to_owned());
        }
    }
    found.sort();
}

fn read(folder: &Path) -> Files {
    let Ok(entries) = fs::read_dir(folder) else {
        return Files::new();
    };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn generate(root: &Path) -> Files {
    let mut names = Vec::new();
    protos(root, root, &mut names);
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true);
    compiler.include_source_info(true);
    compiler.open_files(&names).unwrap();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .bytes(".")
        .out_dir(out.path())
        .compile_fds(compiler.file_descriptor_set())
        .unwrap();
    let mut files = read(out.path());
    let mut plain = compiler.file_descriptor_set();
    for file in &mut plain.file {
        file.source_code_info = None;
    }
    let descriptor = prost_types::FileDescriptorSet { file: plain.file };
    files.insert(
        "descriptor.bin".to_owned(),
        protox::prost::Message::encode_to_vec(&descriptor),
    );
    files
}

#[test]
fn the_generated_code_is_what_the_protos_say() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("src/gen");
    let made = generate(&here.join("../../proto"));
    if std::env::var_os("GTD_UPDATE").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for stale in read(&folder)
            .keys()
            .filter(|name| !made.contains_key(*name))
        {
            fs::remove_file(folder.join(stale)).unwrap();
        }
        for (name, content) in &made {
            fs::write(folder.join(name), content).unwrap();
        }
        return;
    }
    let kept = read(&folder);
    assert_eq!(
        kept.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>(),
        "files are missing or stale: run scripts/protos"
    );
    for (name, content) in &made {
        assert!(kept[name] == *content, "{name} differs: run scripts/protos");
    }
}
