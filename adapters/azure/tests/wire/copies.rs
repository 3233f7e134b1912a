//! Copies that the service makes in the background.

use super::*;

#[tokio::test]
async fn a_copy_in_the_background_is_waited_for() {
    let looks = Mutex::new(0);
    let server = Server::start(move |request, _| match (request.method.as_str(), request.target.contains("new")) {
        ("PUT", _) => answer(202, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: pending\r\n")),
        ("HEAD", true) => {
            *looks.lock().expect("fine") += 1;
            let status = if *looks.lock().expect("fine") < 3 { "pending" } else { "success" };
            answer(200, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: {status}\r\n"))
        }
        ("HEAD", false) => answer(200, ETAG),
        _ => answer(202, ""),
    })
    .await;
    let info = info("\"0x1\"");
    let copied =
        store(&server.endpoint).await.copy(&key(), &info, &"new".parse().expect("valid"), &Work::new("az://c")).await;
    assert_eq!(copied.expect("copied").etag.as_deref(), Some("\"0x1\""));
    let requests = server.requests();
    assert!(requests[1].header("x-ms-copy-source").is_some_and(|source| source.contains("a%20key?sv=1&sig=s3cret")));
    assert_eq!(requests[1].header("x-ms-source-if-match"), Some("\"0x1\""));
    assert!(!requests.iter().any(|request| request.method == "DELETE"));
}

/// A service on which a copy to "new" never ends, of which `asked` and `target` answer.
async fn pending(asked: fn() -> Reply, target: fn(usize) -> Reply) -> Server {
    let looks = Mutex::new(0);
    Server::start(move |request, _| match (operation(request).as_str(), request.target.contains("new")) {
        ("PUT blob", _) => asked(),
        ("PUT copy", _) => answer(204, ""),
        ("HEAD blob", true) => {
            *looks.lock().expect("fine") += 1;
            target(*looks.lock().expect("fine"))
        }
        ("HEAD blob", false) => answer(200, &format!("{ETAG}content-length: 9\r\n")),
        _ => answer(202, ""),
    })
    .await
}

fn asked() -> Reply {
    answer(202, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: pending\r\n"))
}

fn target(status: &str) -> Reply {
    answer(200, &format!("etag: \"0x7\"\r\nx-ms-copy-id: C\r\nx-ms-copy-status: {status}\r\n"))
}

fn new() -> Key {
    "new".parse().expect("valid")
}

#[tokio::test]
async fn a_copy_that_is_to_stop_is_stopped_and_removed() {
    let server = pending(asked, |_| target("pending")).await;
    let bucket = bucket(&server).await;
    let renaming = async {
        let error = bucket.rename(&key(), &new()).await.expect_err("it was to stop");
        assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Cancelled, 0), "{error}");
    };
    let stopping = async {
        // Two looks at the original, the request, and a look at the target.
        server.has_seen(4).await;
        let under_way = bucket.under_way();
        assert!(under_way[0].to_string().contains("az://container/new"), "{under_way:?}");
        bucket.close().await.expect("nothing is left");
    };
    tokio::join!(renaming, stopping);
    let requests = server.requests();
    let stopped = requests.iter().find(|request| operation(request) == "PUT copy").expect("stopped");
    assert_eq!(stopped.parameter("copyid").as_deref(), Some("C"));
    let removed = requests.iter().filter(|request| request.method == "DELETE").collect::<Vec<_>>();
    assert_eq!((removed.len(), removed[0].header("if-match")), (1, Some("\"0x7\"")));
    assert!(removed[0].target.contains("new"), "the original is kept");
}

#[tokio::test]
async fn a_copy_that_fails_is_removed_unless_it_is_anothers_by_then() {
    for (status, id, removed) in [("failed", "C", true), ("aborted", "C", true), ("failed", "THEIRS", false)] {
        let reply: fn(usize) -> Reply = match (status, id) {
            (_, "THEIRS") => |_| answer(200, &format!("{ETAG}x-ms-copy-id: D\r\nx-ms-copy-status: success\r\n")),
            ("failed", _) => |_| target("failed"),
            _ => |_| target("aborted"),
        };
        let server = pending(asked, reply).await;
        let work = Work::new("az://container/a key");
        let error = store(&server.endpoint).await.copy(&key(), &info("\"0x1\""), &new(), &work).await;
        let error = error.expect_err(status);
        assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Service, 0), "{error}");
        assert_eq!(server.requests().iter().any(|request| request.method == "DELETE"), removed, "{status} {id}");
        assert!(work.leaves().is_empty());
    }
}

#[tokio::test]
async fn a_copy_whose_beginning_is_not_known_is_named() {
    let odd: [fn() -> Reply; 4] =
        [|| Reply::Cut, || error(500, "InternalError"), || answer(202, ETAG), || Reply::page(202, ETAG)];
    for reply in odd {
        let server = pending(reply, |_| error(404, "BlobNotFound")).await;
        let bucket = bucket(&server).await.with_retry_policy(RetryPolicy::new(Duration::from_secs(1)));
        let error = bucket.rename(&key(), &new()).await.expect_err("not known");
        assert!(error.reason().contains("times in 1 s"), "{error}");
        let expected = LeftBehind::object("az://container/new").perhaps();
        let left = error.left_behind();
        assert_eq!((left.len(), left[0].remnant(), left[0].certainty()), (1, expected.remnant(), expected.certainty()));
    }
    for reply in [|| error(403, "AuthorizationPermissionMismatch"), || error(412, "SourceConditionNotMet")] {
        let server = pending(reply, |_| error(404, "BlobNotFound")).await;
        let work = Work::new("az://container/a key");
        let error = store(&server.endpoint).await.copy(&key(), &info("\"0x1\""), &new(), &work).await;
        assert!(error.expect_err("refused").left_behind().is_empty());
    }
}

#[tokio::test]
async fn a_copy_has_the_tier_and_the_tags_of_the_original() {
    for readable in [true, false] {
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "HEAD blob" => {
                answer(200, &format!("{ETAG}content-length: 9\r\nx-ms-tag-count: 2\r\nx-ms-access-tier: Cool\r\n"))
            }
            "GET tags" if readable => {
                let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
                let tags = format!("{}{}", tag("who", "me &amp; you"), tag("what", "backup"));
                Reply::xml(200, &format!("<Tags><TagSet>{tags}</TagSet></Tags>"))
            }
            "GET tags" => error(403, "AuthorizationPermissionMismatch"),
            _ => answer(202, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: success\r\n")),
        })
        .await;
        let work = Work::new("az://container/a key");
        let copied = store(&server.endpoint).await.copy(&key(), &info("\"0x1\""), &new(), &work).await;
        let requests = server.requests();
        match readable {
            true => {
                assert_eq!(copied.expect("copied").etag.as_deref(), Some("\"0x1\""));
                assert_eq!(requests[2].header("x-ms-tags"), Some("who=me%20%26%20you&what=backup"));
                assert_eq!(requests[2].header("x-ms-access-tier"), Some("Cool"));
            }
            false => {
                let error = copied.expect_err("its tags would be lost");
                assert_eq!((error.kind(), requests.len()), (ErrorKind::Denied, 2), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_copy_is_removed_also_where_each_step_of_it_fails_once() {
    for failing in ["PUT copy", "HEAD blob", "DELETE blob"] {
        let (asked_for, failed) = (Mutex::new(false), Mutex::new(false));
        let server = Server::start(move |request, _| {
            let operation = operation(request);
            if operation == "PUT copy" || *asked_for.lock().expect("fine") {
                // From the stop of the copy on.
                *asked_for.lock().expect("fine") = true;
                if operation == failing && !std::mem::replace(&mut *failed.lock().expect("fine"), true) {
                    return error(503, "ServerBusy");
                }
            }
            match operation.as_str() {
                "PUT blob" => asked(),
                "PUT copy" => answer(204, ""),
                "HEAD blob" if request.target.contains("new") => target("failed"),
                "HEAD blob" => answer(200, &format!("{ETAG}content-length: 9\r\n")),
                _ => answer(202, ""),
            }
        })
        .await;
        let work = Work::new("az://container/a key");
        let error = store(&server.endpoint).await.copy(&key(), &info("\"0x1\""), &new(), &work).await;
        let error = error.expect_err("it failed");
        assert!(error.left_behind().is_empty(), "{failing}: {error}");
        assert!(operations(&server).iter().any(|operation| operation == "DELETE blob"), "{failing}");
    }
}
