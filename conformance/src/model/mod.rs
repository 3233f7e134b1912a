//! Random sequences of operations, on a storage and on a model of what must exist then. `operations` is what can be
//! done, `expected` the model, and here both are brought together.
//!
//! A failure shows the shortest sequence that was found to fail, and a seed. To run the same sequences again:
//! `SEALIFT_MODEL_SEED=<seed> cargo test local_fs::model`. What a sequence meets is timing too, so it may take several runs.

mod expected;
mod operations;

use crate::backend::Backend;
use crate::data::data;
use crate::scene::{self, Scene, backup, for_pauses, handle, safe};
use expected::{Expected, Outcome};
use operations::{Operation, Piece};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use sealift::{FileWriter, TextLine};
use tokio::io::AsyncWriteExt;

/// How many files may be open for writing: as many as one task may write to in turn, with the budget of a backend.
const OPEN: usize = 3;

pub fn run<B: Backend + 'static>(sequences: u32) {
    const SEED: &str = "SEALIFT_MODEL_SEED";
    let seed = std::env::var(SEED).map_or_else(|_| rand::random(), |seed| seed.parse().expect("a number"));
    let config = Config {
        cases: sequences,
        rng_seed: RngSeed::Fixed(seed),
        // The seed is enough to find a failure again, and a test writes nothing into its sources.
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&operations::sequence(), |sequence| {
        scene::run::<B>(async |scene| Run::new(scene).perform_all(&sequence).await);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}\nto run it again: {SEED}={seed}");
    }
}

struct Run<'a> {
    scene: &'a Scene,
    expected: Expected,
    writers: Vec<Open>,
}

struct Open {
    file: String,
    writer: FileWriter,
    given: Vec<u8>,
}

impl<'a> Run<'a> {
    fn new(scene: &'a Scene) -> Self {
        Run { scene, expected: Expected::new(scene.traits()), writers: Vec::new() }
    }

    async fn perform_all(mut self, sequence: &[Operation]) {
        for operation in sequence {
            self.perform(operation).await;
        }
        self.scene.close().await;
        for Open { file, mut writer, .. } in self.writers.drain(..) {
            writer.shutdown().await.expect_err("the storage was closed under it");
            self.expected.given_up(&file);
        }
        self.scene.close().await;
        self.agree().await;
    }

    async fn perform(&mut self, operation: &Operation) {
        match operation {
            Operation::Open { file } => {
                if self.writers.len() == OPEN {
                    let oldest = self.writers.remove(0);
                    self.shut_down(oldest).await;
                }
                self.open(file).await;
            }
            Operation::Write { writer, piece } => {
                let mut open = self.take(*writer).await;
                open.writer.write_all(bytes(piece)).await.expect("written");
                open.given.extend_from_slice(bytes(piece));
                self.writers.push(open);
            }
            Operation::Flush { writer } => {
                let mut open = self.take(*writer).await;
                open.writer.flush().await.expect("flushed");
                self.writers.push(open);
            }
            Operation::ShutDown { writer } => {
                let open = self.take(*writer).await;
                self.shut_down(open).await;
            }
            Operation::Drop { writer } => {
                let open = self.take(*writer).await;
                drop(open.writer);
                self.expected.given_up(&open.file);
            }
            Operation::CancelWrite { writer, piece, pauses } => {
                let mut open = self.take(*writer).await;
                match for_pauses(*pauses, open.writer.write_all(bytes(piece))).await {
                    Some(written) => {
                        written.expect("written");
                        open.given.extend_from_slice(bytes(piece));
                        self.writers.push(open);
                    }
                    None => {
                        drop(open.writer);
                        self.expected.given_up(&open.file);
                    }
                }
            }
            Operation::CancelShutDown { writer, pauses } => {
                let mut open = self.take(*writer).await;
                match for_pauses(*pauses, open.writer.shutdown()).await {
                    Some(shut_down) => {
                        shut_down.expect("shut down");
                        self.expected.shut_down(&open.file, open.given);
                    }
                    None => {
                        drop(open.writer);
                        self.expected.shutdown_given_up(&open.file, open.given);
                    }
                }
            }
            Operation::Read { file } => {
                let found = self.look(file).await;
                assert!(self.expected.may_be_seen(file, &found), "{file} is {found:?}, {:?}", self.expected.of(file));
            }
            Operation::SaveMetadata { name, lines } => {
                let lines: Vec<TextLine> = lines.iter().map(|line| line.parse().expect("a line")).collect();
                let file = self.scene.storage().save_metadata_lines(&safe(name), &lines).await.expect("saved");
                assert_eq!(file.as_ref(), format!("metadata/{name}"));
                let content: String = lines.iter().map(|line| format!("{line}\n")).collect();
                self.expected.metadata_saved(name, content.into_bytes());
            }
            Operation::ListMetadata => self.list_metadata().await,
            Operation::BackUpMetadata { name } => {
                let moved = self.scene.storage().backup_metadata_file(&handle(&format!("metadata/{name}"))).await;
                assert_eq!(moved.is_ok(), self.expected.metadata_backed_up(name), "{name}: {moved:?}");
            }
        }
    }

    async fn open(&mut self, file: &str) {
        let storage = self.scene.storage();
        let (group, name) = file.split_once('/').expect("a backup and a name");
        let group = backup(&*storage, group).await;
        let (handle, writer) = storage.create_for_write(&group, &safe(name)).await.expect("opened");
        assert_eq!(handle.as_ref(), file);
        self.writers.push(Open { file: file.to_owned(), writer, given: Vec::new() });
    }

    /// One of the open files; one is opened when there is none, so that every operation does something.
    async fn take(&mut self, writer: usize) -> Open {
        if self.writers.is_empty() {
            self.open(operations::FILES[writer % operations::FILES.len()]).await;
        }
        self.writers.remove(writer % self.writers.len())
    }

    async fn shut_down(&mut self, mut open: Open) {
        open.writer.shutdown().await.expect("shut down");
        self.expected.shut_down(&open.file, open.given);
    }

    async fn look(&self, file: &str) -> Outcome {
        scene::read(&*self.scene.storage(), &handle(file)).await.into()
    }

    async fn list_metadata(&self) {
        let listed = self.scene.storage().list_metadata_files().await.expect("listed");
        assert_eq!(listed.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), self.expected.metadata());
    }

    /// Asserts that the storage holds what it must, and nothing else.
    async fn agree(&self) {
        let seen = self.scene.files().await;
        for file in &seen {
            assert!(self.expected.knows(file), "{file} was never written");
        }
        for file in self.expected.files() {
            let found = self.look(file).await;
            assert!(self.expected.may_stand(file, &found), "{file} is {found:?}, {:?}", self.expected.of(file));
            assert_eq!(
                seen.iter().any(|seen| seen == file),
                found.is_there(),
                "{file} in the list is what can be read"
            );
        }
        self.list_metadata().await;
    }
}

fn bytes(piece: &Piece) -> &'static [u8] {
    data(piece.kind, piece.len, piece.seed)
}
