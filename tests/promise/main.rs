//! The promise, on every cloud and in this process: each way in which a write can fail, with its fault injected between
//! the adapter and a real server, and nothing left afterwards. The tests of this file count descriptors and threads of
//! the whole process, so they run one at a time.
//!
//! A case is an `async fn<C: Cloud>()` in the table below, or, where it is about a request that only some clouds have,
//! in the lines of those clouds. A new cloud is an implementation of `Cloud` in tests/support and one line at the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aborts;
mod discards;
mod late;
mod leftovers;
mod lies;
mod lost_replies;
mod moves;
mod readings;
mod refusals;
mod retries;
mod scene;
mod sessions;
mod settled;
mod starts;

/// All cases for one cloud, and those that it has besides.
macro_rules! cloud {
    ($name:ident: $cloud:ty; $($own:tt)*) => {
        mod $name {
            tests! { $cloud;
                aborts: a_part_that_fails, a_complete_that_fails, a_put_that_fails,
                    a_writer_dropped_with_a_part_in_flight,
                    a_writer_dropped_while_the_server_has_a_part_but_not_answered,
                    a_writer_dropped_over_an_object_that_is_there,
                    a_shutdown_dropped_before_the_server_has_the_put,
                    a_shutdown_dropped_before_the_server_has_the_complete,
                    a_replacing_commit_applied_when_its_shutdown_is_dropped_stands_and_is_named,
                    a_commit_that_replaces_nothing_applied_when_its_shutdown_is_dropped_is_taken_back,
                    a_writer_aborted_by_its_owner, closing_the_bucket_aborts_a_writer_that_is_still_held,
                    a_runtime_that_ends_under_a_writer;
                lost_replies: a_complete_applied_with_its_reply_lost_is_one_success,
                    a_complete_applied_with_every_reply_lost_is_one_success,
                    a_put_applied_with_its_reply_lost_is_one_success,
                    a_part_applied_with_its_reply_lost_is_stored_once,
                    a_commit_that_nobody_can_look_at_is_an_error_that_says_so,
                    an_object_that_exists_is_kept, of_many_writers_of_one_name_one_wins;
                refusals: a_bucket_that_is_missing, credentials_that_are_refused,
                    credentials_that_end_in_the_middle, an_endpoint_out_of_reach_is_given_up_in_time,
                    a_read_whose_connection_breaks_goes_on, a_reader_dropped_while_the_service_is_silent,
                    a_bit_that_flips_on_the_way_is_read_again, an_object_cut_short_in_storage_is_found;
                retries: a_connection_that_is_reset, an_internal_error,
                    a_busy_service_is_given_the_time_it_asks_for;
                late: a_put_that_takes_effect_after_everything_was_stopped_is_named,
                    a_completion_that_was_given_up_takes_no_effect_later,
                    a_put_whose_every_attempt_was_cut_is_perhaps_the_object,
                    a_lost_put_whose_retry_and_look_are_refused_is_named,
                    a_put_that_was_lost_and_then_refused_is_a_success_where_it_is_seen,
                    an_abort_in_the_moment_of_the_commit_names_the_object,
                    a_put_that_was_taken_back_and_has_an_attempt_on_its_way_is_named,
                    a_completion_that_was_taken_back_takes_no_effect_later;
                settled: a_success_needs_no_permission_to_look,
                    what_the_service_has_not_confirmed_is_not_called_confirmed,
                    a_success_over_an_older_object_of_the_same_size_is_settled_by_the_token,
                    one_odd_look_after_a_good_commit_deletes_nothing, two_puts_to_one_name_are_no_damage;
                moves: a_copy_that_was_only_answered_removes_nothing,
                    what_another_writes_under_the_old_name_is_kept,
                    an_original_that_cannot_be_removed_leaves_a_copy_that_is_named,
                    a_move_that_is_dropped_is_ended_by_its_owner,
                    a_removal_that_was_not_answered_as_such_is_an_error;
                readings: a_bit_that_flips_in_what_is_stored_as_it_is_is_found,
                    only_what_was_checked_is_called_so, a_look_that_does_not_say_what_it_must_is_an_error,
                    a_page_that_is_no_listing_is_an_error, an_error_with_a_large_body_costs_no_memory;
                $($own)*
            }
        }
    };
}

macro_rules! tests {
    ($cloud:ty; $($subject:ident: $($case:ident),+;)+) => {$(
        mod $subject {$(
            #[test]
            fn $case() {
                sealift_tests::leaks::in_turn(crate::$subject::$case::<$cloud>());
            }
        )+}
    )+};
}

cloud!(s3: sealift_tests::s3::TestBucket;
    leftovers: an_abort_that_fails_says_what_is_left_and_a_sweep_removes_it, a_list_of_uploads_that_is_none_is_an_error;
    starts: a_start_that_fails, a_writer_dropped_while_its_upload_is_being_started,
        a_start_whose_answer_does_not_say_so_leaves_nothing_unnamed;
    lies: a_complete_answered_200_with_an_error_inside_is_an_error,
        a_wrong_checksum_in_the_answer_alone_deletes_nothing, a_listing_that_does_not_go_on_is_an_error;);
cloud!(azure: sealift_tests::azure::TestContainer;
    leftovers: an_abort_that_fails_says_what_is_left_and_a_sweep_removes_it, a_list_of_uploads_that_is_none_is_an_error;
    discards: an_abort_that_cannot_look_says_what_is_left,
        a_discard_applied_with_its_reply_lost_leaves_nothing,
        where_nothing_can_be_deleted_the_blocks_stay_and_are_swept,
        a_mark_that_cannot_be_removed_is_no_object_and_is_swept;);
cloud!(gcs: sealift_tests::gcs::TestBucket;
    starts: a_start_that_fails, a_writer_dropped_while_its_upload_is_being_started,
        a_start_whose_answer_does_not_say_so_leaves_nothing_unnamed;
    sessions: an_abort_that_fails_says_that_nothing_can_be_seen_and_for_how_long,
        an_abort_applied_with_its_reply_lost_leaves_nothing;
    lies: a_wrong_checksum_in_the_answer_alone_deletes_nothing;);
// Google's streams in parallel parts. What must not replace anything goes by a session there too.
cloud!(gcs_parts: sealift_tests::gcs_parts::TestBucket;
    leftovers: an_abort_that_fails_says_what_is_left_and_a_sweep_removes_it, a_list_of_uploads_that_is_none_is_an_error;
    starts: a_start_that_fails, a_writer_dropped_while_its_upload_is_being_started,
        a_start_whose_answer_does_not_say_so_leaves_nothing_unnamed;
    lies: a_complete_answered_200_with_an_error_inside_is_an_error,
        a_wrong_checksum_in_the_answer_alone_deletes_nothing;);
