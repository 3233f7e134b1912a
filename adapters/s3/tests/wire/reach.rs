//! Connections that are refused, never made, or slow.

use crate::*;

#[tokio::test]
async fn a_refused_connection_is_given_up_in_time() {
    let store = store("http://127.0.0.1:1").await;
    for attempt in [
        store.head(&key()).await.map(drop),
        store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
        store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
    ] {
        let error = attempt.expect_err("out of reach");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
        assert!(error.left_behind().is_empty(), "{error}");
    }
}

/// A listener whose queue is full answers no connection, as a host behind a firewall that drops.
#[tokio::test]
async fn a_connection_that_is_never_answered_is_given_up_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("listening");
    let address = listener.local_addr().expect("bound");
    let mut queued = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        queued.push(stream);
    }
    let mut options = options(&format!("http://{address}"));
    options.connect_timeout = Duration::from_millis(300);
    let store = S3Store::connect(options).await.expect("options are fine");
    let begun = Instant::now();
    for attempt in [
        store.head(&key()).await.map(drop),
        store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
        store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
    ] {
        let error = attempt.expect_err("out of reach");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.left_behind().is_empty(), "nothing was sent: {error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// The SDK alone would call this stalled after 6 s. Segments are large, as the compressor's blocks are.
#[tokio::test]
async fn a_line_that_pauses_is_not_a_line_that_stands_still() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    const LENGTH: usize = 16 << 20;
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = vec![0; 4096];
        let mut read = stream.read(&mut buffer).await.expect("a head");
        tokio::time::sleep(Duration::from_secs(8)).await;
        while read < LENGTH {
            read += stream.read(&mut buffer).await.expect("a body");
        }
        let answer = format!("HTTP/1.1 200 OK\r\n{ETAG}content-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.expect("answered");
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let payload = payload(vec![Bytes::from(vec![1; LENGTH / 2]), Bytes::from(vec![2; LENGTH / 2])]);
    let put = store(&endpoint).await.put(&key(), payload, &commit(IfExists::Replace), &Attempts::default()).await;
    put.expect("stored");
    served.await.expect("served once");
}
