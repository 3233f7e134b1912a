#![doc = include_str!("../README.md")]
// It is test code: a panic is how it says that something is wrong.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backend;
mod data;
mod through_itself;

pub use backend::{Backend, Traits};
pub use through_itself::{NewStore, ThroughItself};

// What the macro's tests call. A case is an `async fn(&Scene)` in the macro's table; `scene` runs one, and checks after it
// that nothing unfinished, no process and no descriptor is left.
#[doc(hidden)]
pub mod aborts;
#[doc(hidden)]
pub mod cancelled;
#[doc(hidden)]
pub mod closing;
#[doc(hidden)]
pub mod concurrent;
#[doc(hidden)]
pub mod contents;
#[doc(hidden)]
pub mod eventually;
#[doc(hidden)]
pub mod leaks;
#[doc(hidden)]
pub mod metadata;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod names;
#[doc(hidden)]
pub mod new_files;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod readers;
#[doc(hidden)]
pub mod scene;
#[doc(hidden)]
pub mod sizes;

/// A module of this name with all tests for one [`Backend`]: a test for each case, and `model`, which is given so many
/// random sequences of operations. Tests of one binary run one after the other, since they count what the process holds.
#[macro_export]
macro_rules! suite {
    ($name:ident: $backend:ty, $sequences:literal sequences) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::tests! { $backend;
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
                $crate::model::run::<$backend>($sequences);
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($backend:ty; $($subject:ident: $($case:ident),+;)+) => {$(
        mod $subject {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::scene::run::<$backend>($crate::$subject::$case);
                }
            )+
        }
    )+};
}
