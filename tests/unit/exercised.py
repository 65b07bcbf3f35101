"""Which test gives each verb and option that a page shows: ``file::test``, under ``tests/``."""

_NIGHT = "journeys/test_night.py::test_every_command_of_the_runbook_does_what_it_says"
_CUTOVER = (
    "journeys/test_cutover_commands.py::test_a_cutover_starts_the_new_machine_behind_its_group"
)
_FINALISE = (
    "journeys/test_cutover_commands.py::test_finalising_leaves_production_and_nothing_of_ours"
)
_GAPS = (
    "journeys/test_gaps.py::test_a_sheet_that_was_filled_in_leaves_twenty_machines_nothing_to_ask"
)
_LIMIT = "journeys/test_limits.py::test_limits_are_set_changed_listed_and_ended_at_the_command_line"
_BOOK = "journeys/test_book_commands.py::test_a_book_goes_out_to_a_file_and_comes_back"
_PLACED = (
    "journeys/test_placement.py::test_the_plan_and_the_report_say_the_same_of_what_is_not_copied"
)

_TOLD = (
    "journeys/test_wave_commands.py::"
    "test_where_a_wave_stands_and_what_it_took_is_told_by_file_and_by_name"
)
_OVER = (
    "journeys/test_wave_deployed.py::"
    "test_a_command_does_what_is_left_and_names_the_file_in_what_to_do"
)
_BACK = "journeys/test_wave_deployed.py::test_the_way_back_of_both_is_asked_once_and_taken"

_REHEARSED = (
    "journeys/test_rehearse_command.py::"
    "test_both_say_what_came_up_and_a_rehearsal_leaves_both_ends_as_they_were"
)

EXERCISED = {
    ("finalise", "--remove-source"): (
        "journeys/test_verbs_table.py::"
        "test_the_source_machine_goes_only_when_that_is_asked_and_said_again"
    ),
    ("status", "--wave"): _TOLD,
    ("wave cutover", ""): _OVER,
    ("wave cutover", "--group"): _OVER,
    ("wave plan", "--html"): (
        "journeys/test_wave_commands.py::"
        "test_the_plan_says_of_each_machine_what_it_takes_and_whether_all_fit"
    ),
    ("wave report", ""): _TOLD,
    ("wave report", "--html"): _TOLD,
    ("wave rollback", ""): _BACK,
    ("wave rollback", "--group"): _BACK,
    ("wave rollback", "--target-writes"): _BACK,
    ("abort", ""): "journeys/test_night.py::test_an_abort_says_that_nothing_is_left",
    ("audit", ""): "journeys/test_night.py::test_an_audit_says_that_it_is_under_way",
    ("book export", ""): _BOOK,
    ("book forget", ""): _BOOK,
    ("book import", ""): _BOOK,
    ("book list", ""): _BOOK,
    (
        "compare",
        "",
    ): "journeys/test_compare.py::test_a_machine_is_ranked_against_every_saved_target",
    ("copy", ""): (
        "journeys/test_copy_attacks.py::test_a_lost_manifest_does_not_make_a_good_copy_a_bad_one"
    ),
    ("copy", "--no-verify"): (
        "journeys/test_copy_attacks.py::test_a_lost_manifest_does_not_make_a_good_copy_a_bad_one"
    ),
    ("cutover", ""): _CUTOVER,
    ("cutover", "--check"): (
        "journeys/test_cutover_commands.py::"
        "test_a_failed_check_leaves_it_started_and_names_the_way_back"
    ),
    ("cutover", "--security-group"): _CUTOVER,
    ("cutover", "--yes"): _CUTOVER,
    ("describe", ""): (
        "journeys/test_command_line.py::test_a_machine_is_described_by_the_fields_of_the_schema"
    ),
    ("describe", "--format"): (
        "journeys/test_command_line.py::"
        "test_a_description_is_written_as_an_ovf_descriptor_that_holds_all_of_it"
    ),
    ("doctor", ""): (
        "journeys/test_malformed_blocks.py::"
        "test_the_doctor_says_what_a_block_lacks_and_looks_at_the_others"
    ),
    ("finalise", ""): _FINALISE,
    ("finalise", "--keep-days"): _FINALISE,
    ("finalise", "--yes"): _FINALISE,
    ("gaps", ""): _GAPS,
    ("gaps", "--by"): _GAPS,
    ("gaps", "--csv"): _GAPS,
    ("gaps", "--import"): _GAPS,
    ("gaps", "--target"): _GAPS,
    ("limit", ""): _LIMIT,
    ("limit", "--bytes-per-s"): _LIMIT,
    ("limit", "--requests-per-s"): _LIMIT,
    ("list", ""): "journeys/test_night.py::test_a_list_says_where_it_stands_and_what_to_do",
    ("migrate", "--boot-check"): _REHEARSED,
    ("migrate", ""): "journeys/test_rollback.py::test_the_same_command_again_adopts_what_exists",
    ("migrate", "--cold"): (
        "journeys/test_rollback.py::test_the_same_command_again_adopts_what_exists"
    ),
    ("migrate", "--placement"): _PLACED,
    ("notify", ""): (
        "journeys/test_failures_told.py::test_a_notification_has_the_cause_and_the_commands"
    ),
    ("plan", ""): "journeys/test_command_line.py::test_a_plan_creates_nothing_anywhere",
    ("plan", "--all"): "journeys/test_plan_all.py::test_the_table_is_for_people_too",
    ("plan", "--inspect"): (
        "journeys/test_command_line.py::"
        "test_inspecting_measures_what_is_allocated_and_leaves_no_snapshot"
    ),
    ("plan", "--placement"): _PLACED,
    ("plan", "--write-answers"): (
        "journeys/test_command_line.py::"
        "test_a_written_answers_file_is_accepted_once_it_is_filled_in"
    ),
    ("prepare", ""): "journeys/test_preparing.py::test_stdout_is_the_script_and_nothing_else",
    ("prepare", "--target"): (
        "journeys/test_preparing.py::test_stdout_is_the_script_and_nothing_else"
    ),
    ("probe", ""): ("journeys/test_placement.py::test_probe_says_how_far_away_a_file_server_is"),
    ("probe", "--connect-only"): (
        "journeys/test_placement.py::test_probe_only_connects_where_that_is_asked"
    ),
    ("probe", "--port"): (
        "journeys/test_placement.py::test_probe_says_how_far_away_a_file_server_is"
    ),
    ("reconcile", ""): _NIGHT,
    ("rehearse", ""): _REHEARSED,
    ("report", ""): (
        "journeys/test_seeded_machines.py::"
        "test_its_report_is_one_page_for_the_ticket_in_which_the_name_is_text"
    ),
    ("report", "--html"): (
        "journeys/test_seeded_machines.py::"
        "test_its_report_is_one_page_for_the_ticket_in_which_the_name_is_text"
    ),
    ("resume", ""): (
        "journeys/test_night.py::test_a_wave_that_crashed_goes_on_by_its_name_and_only_once"
    ),
    ("rollback", ""): (
        "journeys/test_rollback.py::test_a_rollback_leaves_the_target_as_it_was_before"
    ),
    ("rollback", "--target-writes"): (
        "journeys/test_cutover_commands.py::test_a_rollback_keeps_copies_and_puts_all_else_back"
    ),
    ("sandbox up", ""): "journeys/test_command_line.py::test_a_second_up_prints_the_same",
    ("start", ""): (
        "journeys/test_command_line.py::test_a_machine_is_stopped_started_and_rebooted_by_its_id"
    ),
    ("status", ""): "journeys/test_rollback.py::test_status_lists_all_migrations",
    ("up", ""): "journeys/test_sandbox_up.py::test_what_ran_before_up_runs_after_it",
    ("wave check", ""): (
        "journeys/test_wave_commands.py::"
        "test_a_file_is_checked_without_any_cloud_and_says_its_order"
    ),
    ("wave plan", ""): (
        "journeys/test_wave_commands.py::"
        "test_a_wave_is_planned_red_amber_and_green_with_each_question_once"
    ),
    ("wave run", ""): (
        "journeys/test_wave_commands.py::test_a_wave_is_run_without_a_worker_and_again_does_nothing"
    ),
}
"""By verb and option; ``--json`` is not listed, as the tests give it to nearly every command."""
