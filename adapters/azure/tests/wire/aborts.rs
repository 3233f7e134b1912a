//! Aborts: what is discarded, what is left alone, and what is named.

use super::faults::named;
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[tokio::test]
async fn an_abort_waits_for_a_block_that_was_never_answered() {
    // The only try that may take effect does so late: it is listed from the third look on, until an empty list is
    // committed.
    let (staged, looks, discarded) = (Mutex::new(String::new()), Mutex::new(0), Mutex::new(false));
    let server = Server::start(move |request, before| match operation(request).as_str() {
        "PUT block" => {
            if before > 0 {
                return error(403, "AuthenticationFailed");
            }
            *staged.lock().expect("fine") = block_id(request);
            Reply::Cut
        }
        "GET blocklist" => {
            *looks.lock().expect("fine") += 1;
            let there = *looks.lock().expect("fine") >= 3 && !*discarded.lock().expect("fine");
            match there {
                true => block_list(&[staged.lock().expect("fine").clone()]),
                false => error(404, "BlobNotFound"),
            }
        }
        "PUT blocklist" => {
            *discarded.lock().expect("fine") = true;
            answer(CREATED, "etag: \"0xMARK\"\r\n")
        }
        "HEAD blob" => error(404, "BlobNotFound"),
        _ => answer(202, ""),
    })
    .await;
    let upload = patient_upload(&server, 5).await;
    upload.put_part(1, digits()).await.expect_err("cut off, then refused");
    upload.abort().await.expect("aborted");
    let requests = server.requests();
    let find = |wanted: &str| requests.iter().find(|request| operation(request) == wanted).expect("sent");
    assert_eq!(find("PUT blocklist").header("if-none-match"), Some("*"));
    assert!(find("PUT blocklist").header("x-ms-meta-sealift_discarding").is_some());
    let removed = requests.iter().rfind(|request| request.method == "DELETE").expect("sent");
    assert_eq!(removed.header("if-match"), Some("\"0xMARK\""));
    let blocks = |request: &&Request| operation(request) == "GET blocklist";
    assert_eq!(requests.iter().filter(blocks).count(), 4, "the one that may come is gone");
    let probe = requests.iter().find(|request| request.method == "DELETE").expect("sent");
    assert_eq!(probe.header("if-match"), Some("\"0x0\""));
}

/// A block was stored, and then the service says that there is nothing: once, it is asked again; always, the block is named.
#[tokio::test]
async fn a_service_that_contradicts_itself_is_not_believed() {
    for lies in [1, usize::MAX] {
        let (staged, looks) = (Mutex::new(String::new()), AtomicUsize::new(0));
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            "GET blocklist" => match looks.fetch_add(1, SeqCst) {
                look if look < lies => error(404, "BlobNotFound"),
                look if look == lies => block_list(&[staged.lock().expect("fine").clone()]),
                _ => error(404, "BlobNotFound"),
            },
            "PUT blocklist" => answer(CREATED, "etag: \"0xMARK\"\r\n"),
            "HEAD blob" => error(404, "BlobNotFound"),
            _ => answer(202, ""),
        })
        .await;
        let upload = upload(&server).await;
        upload.put_part(1, digits()).await.expect("stored");
        let aborted = upload.abort().await;
        let discarded = operations(&server).contains(&"PUT blocklist".to_owned());
        match lies {
            1 => {
                aborted.expect("aborted");
                assert!(discarded);
            }
            _ => {
                let error = aborted.expect_err("nobody knows");
                let left = error.left_behind()[0].to_string();
                assert!(left.contains("perhaps") && left.contains(upload.id()), "{left}");
                assert!(!discarded);
            }
        }
    }
}

#[tokio::test]
async fn a_blob_that_cannot_be_kept_as_it_is_is_not_touched() {
    for headers in [
        "x-ms-blob-type: BlockBlob\r\nx-ms-tag-count: 2\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-lease-status: locked\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-legal-hold: true\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-access-tier: Archive\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-encryption-key-sha256: abc\r\n",
        "x-ms-blob-type: AppendBlob\r\n",
        // Put at once, and larger than is read and staged again.
        "x-ms-blob-type: BlockBlob\r\ncontent-length: 99999999999\r\n",
    ] {
        let staged = Mutex::new(String::new());
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
            _ => answer(200, &format!("{ETAG}{headers}")),
        })
        .await;
        let upload = upload(&server).await;
        upload.put_part(1, digits()).await.expect("stored");
        let error = upload.abort().await.expect_err("left");
        assert!(error.left_behind()[0].to_string().contains(upload.id()), "{error}");
        assert_eq!(operations(&server), ["PUT block", "GET blocklist", "HEAD blob"], "{headers}");
    }
}

#[tokio::test]
async fn a_blob_is_committed_anew_only_as_it_was_and_if_nobody_changed_it() {
    for (status, code) in [(CREATED, ""), (412, "ConditionNotMet")] {
        let staged = Mutex::new(String::new());
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            "GET blocklist" => {
                let id = std::mem::take(&mut *staged.lock().expect("fine"));
                let mine = format!("<Block><Name>{id}</Name><Size>9</Size></Block>");
                let mine = if id.is_empty() { String::new() } else { mine };
                let theirs = ["QUFB", "QkJC"].map(|id| format!("<Block><Name>{id}</Name><Size>4</Size></Block>"));
                let theirs = theirs.concat();
                let body = format!(
                    "<BlockList><CommittedBlocks>{theirs}</CommittedBlocks>\
                     <UncommittedBlocks>{mine}</UncommittedBlocks></BlockList>"
                );
                Reply::xml(200, &body)
            }
            "HEAD blob" => {
                let kept = "x-ms-blob-type: BlockBlob\r\ncontent-length: 8\r\ncontent-type: text/x-kept\r\n\
                            x-ms-meta-who: me\r\nx-ms-access-tier: Cool\r\n";
                answer(200, &format!("{ETAG}{kept}"))
            }
            _ if status == CREATED => answer(CREATED, "etag: \"0x2\"\r\n"),
            _ => error(status, code),
        })
        .await;
        let upload = upload(&server).await;
        upload.put_part(1, digits()).await.expect("stored");
        upload.abort().await.expect("nothing of it is left");
        let requests = server.requests();
        let anew = requests.iter().find(|request| operation(request) == "PUT blocklist").expect("committed");
        for (name, value) in [
            ("if-match", "\"0x1\""),
            ("x-ms-blob-content-type", "text/x-kept"),
            ("x-ms-meta-who", "me"),
            ("x-ms-access-tier", "Cool"),
        ] {
            assert_eq!(anew.header(name), Some(value), "{name}");
        }
        let body = String::from_utf8(anew.body.clone()).expect("text");
        assert!(body.contains("<Committed>QUFB</Committed><Committed>QkJC</Committed>"), "{body}");
        assert!(!body.contains("Uncommitted"), "{body}");
        assert!(!requests.iter().any(|request| request.method == "DELETE"));
    }
}

#[tokio::test]
async fn blocks_that_may_still_arrive_are_named() {
    let server = Server::start(|request, _| match operation(request).as_str() {
        "PUT block" => Reply::Cut,
        _ => error(404, "BlobNotFound"),
    })
    .await;
    let upload = upload(&server).await;
    upload.put_part(1, digits()).await.expect_err("cut off");
    let error = upload.abort().await.expect_err("they may come");
    let left = LeftBehind::upload("az://container/a key", upload.id()).perhaps();
    assert_eq!(
        (error.left_behind()[0].remnant(), error.left_behind()[0].certainty()),
        (left.remnant(), left.certainty())
    );
    let looks = operations(&server).iter().filter(|operation| *operation == "GET blocklist").count();
    assert_eq!(looks, 5, "it was looked for them");
}

#[tokio::test]
async fn blocks_that_were_not_sent_in_whole_leave_nothing_and_need_no_look() {
    let bytes = vec![7; 64 << 20];
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes);
    let payload = Payload::from_segments(vec![bytes.into()], checksum);
    let server = Server::start_reading(|_| false, |_, _| Reply::Cut).await;
    let upload = upload(&server).await;
    upload.put_part(1, payload).await.expect_err("cut off");
    upload.abort().await.expect("nothing can be left");
    assert_eq!(operations(&server), ["PUT block"]);
}

#[tokio::test]
async fn blocks_that_cannot_be_seen_are_named_and_what_could_see_them() {
    for reply in [|| error(403, "AuthorizationPermissionMismatch"), || Reply::page(200, ""), || Reply::page(404, "")] {
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => answer(CREATED, ""),
            _ => reply(),
        })
        .await;
        let upload = upload(&server).await;
        upload.put_part(1, digits()).await.expect("staged");
        let error = upload.abort().await.expect_err("it cannot look");
        let left = error.left_behind();
        assert_eq!((left.len(), left[0].certainty()), (1, sealift::Certainty::Perhaps), "{error}");
        assert!(left[0].to_string().contains(upload.id()), "{error}");
        if error.kind() == ErrorKind::Denied {
            assert!(left[0].remedy().contains("nothing of it can be seen"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("sp=")), "{error}");
        }
        assert_eq!(operations(&server), ["PUT block", "GET blocklist"]);
    }
}

#[tokio::test]
async fn no_marker_is_committed_that_could_not_be_removed() {
    let staged = Mutex::new(String::new());
    let server = Server::start(move |request, _| match operation(request).as_str() {
        "PUT block" => {
            *staged.lock().expect("fine") = block_id(request);
            answer(CREATED, "")
        }
        "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
        "HEAD blob" => error(404, "BlobNotFound"),
        _ => error(403, "AuthorizationPermissionMismatch"),
    })
    .await;
    let upload = upload(&server).await;
    upload.put_part(1, digits()).await.expect("staged");
    let error = upload.abort().await.expect_err("it may not delete");
    assert!(error.left_behind()[0].to_string().starts_with("the incomplete upload"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("sp=")), "{error}");
    assert_eq!(operations(&server), ["PUT block", "GET blocklist", "HEAD blob", "DELETE blob"]);
}

#[tokio::test]
async fn a_marker_that_may_be_left_is_named() {
    for (deleted, committed, certainty) in
        [(500, CREATED, sealift::Certainty::Seen), (202, 500, sealift::Certainty::Perhaps)]
    {
        let staged = Mutex::new(String::new());
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
            "PUT blocklist" if committed == CREATED => answer(CREATED, "etag: \"0xMARK\"\r\n"),
            "DELETE blob" if deleted == 202 || request.header("if-match") == Some("\"0x0\"") => {
                error(404, "BlobNotFound")
            }
            "HEAD blob" => error(404, "BlobNotFound"),
            _ => error(500, "InternalError"),
        })
        .await;
        let upload = upload(&server).await;
        upload.put_part(1, digits()).await.expect("staged");
        let error = upload.abort().await.expect_err("the service fails");
        let marker = LeftBehind::object("az://container/a key");
        let found = error.left_behind().iter().find(|left| left.remnant() == marker.remnant()).expect("named");
        assert_eq!((found.certainty(), error.left_behind().len()), (certainty, 2), "{error}");
    }
}

#[tokio::test]
async fn a_marker_whose_commit_was_not_answered_may_come_back() {
    let staged = Mutex::new(String::new());
    let committed = AtomicUsize::new(0);
    let server = Server::start(move |request, _| match operation(request).as_str() {
        "PUT block" => {
            *staged.lock().expect("fine") = block_id(request);
            answer(CREATED, "")
        }
        "GET blocklist" if committed.load(SeqCst) > 0 => block_list(&[]),
        "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
        "PUT blocklist" if committed.fetch_add(1, SeqCst) == 0 => Reply::Cut,
        "PUT blocklist" => answer(CREATED, "etag: \"0xMARK\"\r\n"),
        "DELETE blob" if request.header("if-match") == Some("\"0xMARK\"") => answer(202, ""),
        _ => error(404, "BlobNotFound"),
    })
    .await;
    let upload = patient_upload(&server, 5).await;
    upload.put_part(1, digits()).await.expect("staged");
    let error = upload.abort().await.expect_err("the empty blob may come back");
    let marker = LeftBehind::object("az://container/a key");
    assert_eq!(named(&error), [(marker.remnant(), sealift::Certainty::Perhaps)], "{error}");
    assert_eq!(operations(&server).iter().filter(|it| *it == "PUT blocklist").count(), 1);
}

/// A second try discards once more, and the empty blob of the first may still come.
#[tokio::test]
async fn a_marker_of_an_earlier_try_is_not_forgotten() {
    for outage in [false, true] {
        let (staged, committed) = (Mutex::new(String::new()), AtomicUsize::new(0));
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            _ if outage && committed.load(SeqCst) > 0 => error(503, "ServerBusy"),
            "GET blocklist" if committed.load(SeqCst) > 1 => block_list(&[]),
            "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
            "PUT blocklist" if committed.fetch_add(1, SeqCst) == 0 => Reply::Cut,
            "PUT blocklist" => answer(CREATED, "etag: \"0xMARK\"\r\n"),
            "DELETE blob" if request.header("if-match") == Some("\"0xMARK\"") => answer(202, ""),
            _ => error(404, "BlobNotFound"),
        })
        .await;
        let upload = patient_upload(&server, 1).await;
        upload.put_part(1, digits()).await.expect("staged");
        let error = upload.abort().await.expect_err("the empty blob may come");
        let marker = LeftBehind::object("az://container/a key");
        assert!(named(&error).contains(&(marker.remnant(), sealift::Certainty::Perhaps)), "{outage}: {error}");
        assert_eq!(error.left_behind().len(), if outage { 2 } else { 1 }, "{error}");
        let commits = operations(&server).iter().filter(|it| *it == "PUT blocklist").count();
        assert_eq!(commits, if outage { 1 } else { 2 });
    }
}

/// The same for leftovers, of which nobody keeps an account but the adapter.
#[tokio::test]
async fn a_marker_of_an_earlier_try_to_sweep_is_not_forgotten() {
    for outage in [false, true] {
        let (staged, committed) = (Mutex::new(String::new()), AtomicUsize::new(0));
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request);
                answer(CREATED, "")
            }
            "GET list" => {
                let blob = "<Blob><Name>a key</Name><Properties/></Blob>";
                Reply::xml(200, &format!("<EnumerationResults><Blobs>{blob}</Blobs><NextMarker/></EnumerationResults>"))
            }
            _ if outage && committed.load(SeqCst) > 0 => error(503, "ServerBusy"),
            "GET blocklist" if committed.load(SeqCst) > 1 => block_list(&[]),
            "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
            "PUT blocklist" if committed.fetch_add(1, SeqCst) == 0 => Reply::Cut,
            "PUT blocklist" => answer(CREATED, "etag: \"0xMARK\"\r\n"),
            "DELETE blob" if request.header("if-match") == Some("\"0xMARK\"") => answer(202, ""),
            _ => error(404, "BlobNotFound"),
        })
        .await;
        let store = patient(store(&server.endpoint).await, 1);
        started(&store).await.put_part(1, digits()).await.expect("staged");
        let leftovers = store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed");
        let error = store.remove_leftover(&leftovers[0]).await.expect_err("the empty blob may come");
        let marker = LeftBehind::object("az://container/a key");
        assert_eq!(named(&error), [(marker.remnant(), sealift::Certainty::Perhaps)], "{outage}: {error}");
        let commits = operations(&server).iter().filter(|it| *it == "PUT blocklist").count();
        assert_eq!(commits, if outage { 1 } else { 2 });
    }
}

/// What was seen and discarded is remembered over an abort that is tried again.
#[tokio::test]
async fn a_late_block_that_was_discarded_is_not_named() {
    let (staged, discarded, failed) = (Mutex::new(String::new()), AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::start(move |request, before| match operation(request).as_str() {
        "PUT block" if before > 0 => error(403, "AuthenticationFailed"),
        "PUT block" => {
            *staged.lock().expect("fine") = block_id(request);
            Reply::Cut
        }
        "GET blocklist" if discarded.load(SeqCst) == 0 => block_list(&[staged.lock().expect("fine").clone()]),
        "GET blocklist" if failed.fetch_add(1, SeqCst) == 0 => error(500, "InternalError"),
        "PUT blocklist" => {
            discarded.store(1, SeqCst);
            answer(CREATED, "etag: \"0xMARK\"\r\n")
        }
        "DELETE blob" => answer(202, ""),
        _ => error(404, "BlobNotFound"),
    })
    .await;
    let upload = patient_upload(&server, 5).await;
    upload.put_part(1, digits()).await.expect_err("cut off, then refused");
    upload.abort().await.expect("the one that was not answered is gone");
    assert_eq!(operations(&server).iter().filter(|it| *it == "GET blocklist").count(), 3);
}

/// One attempt to stage a block is not answered, the next of the same second is: what is seen and discarded is one of them.
#[tokio::test]
async fn a_block_that_was_sent_twice_may_come_once_more() {
    let (blocks, discarded) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let server = Server::start(move |request, before| match operation(request).as_str() {
        "PUT block" if before == 0 => Reply::Cut,
        "PUT block" => {
            blocks.lock().expect("fine").push(block_id(request));
            Reply::Answer(CREATED, String::new(), Vec::new())
        }
        "GET blocklist" if discarded.load(SeqCst) == 0 => block_list(&blocks.lock().expect("fine")),
        "PUT blocklist" => {
            discarded.store(1, SeqCst);
            answer(CREATED, "etag: \"0xMARK\"\r\n")
        }
        "DELETE blob" => answer(202, ""),
        _ => error(404, "BlobNotFound"),
    })
    .await;
    let upload = patient_upload(&server, 5).await;
    upload.put_part(1, digits()).await.expect("staged by the second attempt");
    assert_eq!(upload.left_beside().len(), 1);
    let error = upload.abort().await.expect_err("the first may come");
    let left = LeftBehind::upload("az://container/a key", upload.id());
    assert_eq!(named(&error), [(left.remnant(), sealift::Certainty::Perhaps)], "{error}");
}

/// Without permission to see blocks, and after a block that was not answered.
#[tokio::test]
async fn where_no_block_may_be_staged_there_is_none() {
    for may_stage in [false, true] {
        let server = Server::start(move |request, before| match operation(request).as_str() {
            "PUT block" if before == 0 => Reply::Cut,
            "PUT block" if may_stage && request.header("content-md5").is_some() => error(400, "Md5Mismatch"),
            _ => error(403, "AuthorizationPermissionMismatch"),
        })
        .await;
        let upload = patient_upload(&server, 5).await;
        upload.put_part(1, digits()).await.expect_err("cut off, then refused");
        let aborted = upload.abort().await;
        assert_eq!(operations(&server), ["PUT block", "PUT block", "GET blocklist", "PUT block"]);
        match may_stage {
            false => aborted.expect("there cannot be any"),
            true => assert_eq!(aborted.expect_err("it may come").left_behind().len(), 1),
        }
    }
}

#[tokio::test]
async fn whether_a_block_may_be_staged_is_asked_again_where_it_is_not_answered() {
    let probes = AtomicUsize::new(0);
    let server = Server::start(move |request, before| match operation(request).as_str() {
        "PUT block" if before == 0 => Reply::Cut,
        "PUT block" if request.header("content-md5").is_some() && probes.fetch_add(1, SeqCst) == 0 => {
            error(503, "ServerBusy")
        }
        _ => error(403, "AuthorizationPermissionMismatch"),
    })
    .await;
    let upload = patient_upload(&server, 5).await;
    upload.put_part(1, digits()).await.expect_err("cut off, then refused");
    upload.abort().await.expect("there cannot be any");
    let again = ["GET blocklist", "PUT block", "GET blocklist", "PUT block"];
    assert_eq!(operations(&server)[2..], again);
}
