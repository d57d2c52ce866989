//! Uploads whose connection breaks at some byte of the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use solform_emulator::Operation;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::uploads::{get, package};
use crate::support::worlds::{count, env_with, manifest, path_of, seed, start};

/// Starts a proxy that breaks the first PUT after this number of its bytes, and returns its URL.
async fn cutting_proxy(server: &str, after: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = server.trim_start_matches("http://").to_owned();
    let is_armed = Arc::new(AtomicBool::new(true));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(forward(client, server, after, Arc::clone(&is_armed)));
        }
    });
    url
}

/// Forwards both directions until one side ends, or the request is cut.
async fn forward(client: TcpStream, server: TcpStream, after: usize, is_armed: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut buffer = vec![0; 16 * 1024];
        let mut left = None;
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            if buffer.starts_with(b"PUT ") && is_armed.swap(false, Ordering::SeqCst) {
                left = Some(after);
            }
            let sent = left.map_or(length, |left: usize| left.min(length));
            if to_server.write_all(&buffer[..sent]).await.is_err() || sent < length {
                return;
            }
            left = left.map(|left| left - sent);
        }
    };
    let answers = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = requests => {}
        _ = answers => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_is_repeated() {
    let bytes = package("Form", "1", &vec![7; 3_000]);
    let bytes = &bytes;
    let cut = |after: usize| async move {
        let emulator = start(seed(&[], &[]), &[]).await;
        let proxy = cutting_proxy(&emulator.url(), after).await;
        let entry = "  Form: { version: 1, path: '${drive}/${name}-${version}.ibsolution', source: \
             f.ibsolution }\n";
        let env = env_with(&manifest(&proxy, entry));
        std::fs::write(env.path().join("f.ibsolution"), bytes).unwrap();
        let apply = ["apply", "--auto-approve", "--detailed-exitcode"];
        let apply = env.solform_beside(&apply).await.exits_with(2);
        let there = get(&emulator, &path_of("Form", "1")).await;
        assert!(there.as_ref() == Some(bytes), "{after}\n{apply}");
        assert_eq!(count(&emulator, Operation::Deploy), 1, "{after}\n{apply}");
    };
    futures_util::stream::iter((0..3_600).step_by(400))
        .for_each_concurrent(4, cut)
        .await;
}
