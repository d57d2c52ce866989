//! The speed of parsing and checking a big manifest: `cargo bench`.

use std::fmt::Write as _;

use divan::Bencher;
use solform::manifest::{Checked, Selection, SourceFile, read};

fn main() {
    divan::main();
}

/// Returns a manifest with this number of entries, in every common form.
fn manifest(entries: usize) -> String {
    let mut text = r#"solform: 1
environments:
  prod:
    url: https://instabase.example.com
    token: { env: IB_PROD_TOKEN }
    vars: { drive: acme/prod/fs/Instabase Drive }
    protect: ["Form 1*@*"]
    limits: { max_destroy: 2 }
defaults: { owner: svc-release, retain: 2 }
solutions:
"#
    .to_owned();
    for number in 0..entries {
        let _ = match number % 4 {
            0 => writeln!(
                text,
                "  Form {number}:\n    version: 1.{number}\n    path: \
                 ${{drive}}/releases/${{name}}-${{version}}.ibsolution\n    visibility: PRIVATE"
            ),
            1 => writeln!(
                text,
                "  Form {number}: {{ version: 1.0.{number}, state: INACTIVE, path: \
                 \"${{drive}}/{number}.ibsolution\" }}"
            ),
            2 => writeln!(
                text,
                "  Form {number}:\n    owner: IB_DEPLOYED\n    versions:\n      2.1.0: {{ state: \
                 ACTIVE, path: \"${{drive}}/{number}-${{version}}.ibsolution\" }}\n      2.0.0: {{ \
                 state: INACTIVE }}"
            ),
            _ => writeln!(text, "  Form {number}: {{ version: 1.0.0, state: ABSENT }}"),
        };
    }
    text
}

fn parse_and_check(text: &str) -> Checked {
    let source = SourceFile::from_bytes("solform.yaml", text).expect("the text is UTF-8");
    read(&source, &Selection::default(), &|_| None).expect("the manifest is valid")
}

#[divan::bench(args = [1_000, 10_000, 40_000])]
fn manifest_parse_and_check(bencher: Bencher<'_, '_>, entries: usize) {
    let text = manifest(entries);
    bencher.bench(|| parse_and_check(divan::black_box(&text)));
}
