//! What every storage must do, written once and run on each: the contract of `BackupStorage`, and its promise that a
//! file exists whole or not at all. `backend` is what a storage shows to be tested; `scene` runs one case, and checks
//! after each that nothing unfinished, no process and no descriptor is left.
//!
//! A case is an `async fn(&Scene)` in the table below; one that is not in the table is unused code. A new storage is
//! an implementation of `Backend` below `backends/` (a cloud has one: `Native`) and one line at the end of this file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aborts;
mod backend;
mod backends;
mod cancelled;
mod closing;
mod concurrent;
mod contents;
mod data;
mod metadata;
mod model;
mod names;
mod new_files;
mod readers;
mod scene;
mod sizes;

/// All cases for one backend, and how many random sequences of operations it is given.
macro_rules! storage {
    ($name:ident: $backend:ty, $sequences:literal sequences) => {
        mod $name {
            tests! { $backend;
                sizes: noise, text, borders_of_parts, the_empty_file;
                contents: odd_pieces, single_bytes, flushes, a_second_shutdown, a_write_after_the_shutdown,
                    a_file_under_way_is_not_seen, a_file_written_again;
                names: the_edges_of_the_pattern, handles, the_random_suffix, a_backup_opened_twice,
                    the_same_name_in_two_backups;
                metadata: one_line, many_lines, odd_lines, an_empty_list, the_list_is_sorted_and_complete,
                    an_existing_name, saved_by_many_at_once, backed_up, backed_up_again, missing, odd_handles;
                new_files: an_existing_one, given_up_over_an_existing_one, two_at_once;
                concurrent: many_files_at_once, two_writers_of_one_file, writers_in_one_task,
                    readers_and_writers_at_once, copies;
                readers: dropped_half_way, two_of_one_file, a_missing_file, a_folder, small_buffers, an_empty_buffer,
                    after_the_end, a_file_replaced_under_its_reader;
                aborts: dropped_before_the_first_byte, dropped_after_some_bytes, dropped_after_several_parts,
                    dropped_while_a_write_waits, dropped_over_an_existing_file, many_dropped_at_once,
                    dropped_in_a_task_that_is_cancelled, dropped_when_its_task_panics,
                    dropped_after_its_runtime, everything_dropped_without_a_runtime;
                cancelled: a_shutdown_at_its_first_pause, a_small_shutdown_at_any_moment,
                    a_large_shutdown_at_any_moment, a_shutdown_that_nobody_hears_of,
                    a_shutdown_not_heard_of_before_the_storage_closes, a_shutdown_that_is_taken_up_again,
                    a_write_that_is_taken_up_again, a_shutdown_in_a_task_that_is_cancelled;
                closing: a_writer_that_is_held, a_writer_without_bytes, a_shutdown_under_way, twice,
                    nothing_new_afterwards, what_is_complete_stays;
            }

            #[test]
            fn model() {
                crate::model::run::<$backend>($sequences);
            }
        }
    };
}

macro_rules! tests {
    ($backend:ty; $($subject:ident: $($case:ident),+;)+) => {$(
        mod $subject {$(
            #[test]
            fn $case() {
                crate::scene::run::<$backend>(crate::$subject::$case);
            }
        )+}
    )+};
}

storage!(command: crate::backends::Command, 30 sequences);
storage!(local_fs: crate::backends::LocalFs, 80 sequences);
storage!(s3_native: crate::backends::Native<sealift_tests::s3::TestBucket>, 40 sequences);
storage!(azure_native: crate::backends::Native<sealift_tests::azure::TestContainer>, 40 sequences);
storage!(gcs_native: crate::backends::Native<sealift_tests::gcs::TestBucket>, 40 sequences);
