//! Diagnostics show no credentials of a refused URL, in no format.

use std::fmt::Write as _;

use crate::support::TestEnv;

const STORES: [&str; 10] = [
    "https://acc.blob.core.windows.net/c?sv=1&sig=SECRET",
    "az://cont/p?sv=1&sig=SECRET",
    "s3:AKIA:SECRET@bucket",
    "s3:/AKIA:SECRET@bucket",
    "S3:/u:SECRET@b",
    "s3:/u:SECRET@b",
    "s3://k:SEC/RET@bucket/x",
    "az://SEC/RET@cont/x",
    "az:/u:SECRET@cont",
    "s3://bucket/x#SECRET",
];

const URLS: [&str; 5] = [
    "https://h/x?sig=SECRET",
    "https://u:SEC/RET@h/x",
    "https:u:SECRET@h/x",
    "//u:SECRET@h/x",
    "h/x?sig=SECRET",
];

fn run(env: &TestEnv, words: &[&str], given: &str) {
    let output = env.solform(words).exits_with(1);
    let text = output.to_string();
    let is_shown = text.contains("SEC") || text.contains("RET") || text.contains("sv=");
    assert!(!is_shown, "{given}: {output}");
}

#[test]
fn manifests_show_no_credentials() {
    let store = |store: &str| format!("    url: 'emulator:'\n    store: {store}\n");
    let url = |url: &str| format!("    url: {url}\n    token: {{ env: TEST_TOKEN }}\n");
    let stores = STORES.iter().flat_map(|text| {
        [
            store(text),
            store(&format!("\"{text}\"")),
            format!("    vars: {{ s: '{text}' }}\n{}", store("${s}")),
        ]
    });
    let urls = URLS
        .iter()
        .flat_map(|text| [url(text), url(&format!("'{text}'"))]);
    let mut all = "solform: 1\nsolutions: {}\nenvironments:\n".to_owned();
    for (index, keys) in stores.chain(urls).enumerate() {
        writeln!(all, "  e{index}:\n{keys}").unwrap();
    }
    let count = all.matches("url:").count();
    let env = TestEnv::new();
    env.write("solform.yaml", &all);
    for format in ["github", "sarif", "text"] {
        run(&env, &["validate", "--format", format], format);
    }
    for index in 0..count {
        let name = format!("e{index}");
        run(&env, &["plan", "--json", "--environment", &name], &name);
    }
}

#[test]
fn options_show_no_credentials() {
    let mut env = TestEnv::new();
    let text = "solform: 1\nenvironments: { test: { url: 'emulator:' } }\nsolutions: {}\n";
    env.write("solform.yaml", text);
    for store in STORES {
        run(&env, &["plan", "--store", store], store);
        run(&env, &["plan", "--json", "--store", store], store);
    }
    for store in STORES {
        env.set("SOLFORM_STORE", store);
        run(&env, &["plan"], store);
    }
}
