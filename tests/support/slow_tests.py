"""Tests that ``-m "not slow"`` leaves out, beside those that are marked where they stand.

Those take more than two seconds of a processor, train, or start programs which import torch.
"""

from __future__ import annotations

SLOW = tuple(
    f"tests/{name}"
    for name in (
        "adherence/test_controls.py::test_a_song_follows",
        "adherence/test_report.py::test_a_synthetic_song_follows",
        "adherence/test_report.py::test_the_figure_marks",
        "audio/test_files.py::test_a_killed_writer",
        "audio/test_files.py::test_of_two_processes",
        "audio/test_files.py::test_two_hours",
        "audio/test_mpeg.py::test_a_flac_of_no_length_that_is_cut_short",
        "audio/test_mpeg.py::test_an_mp3_of_variable_rate_without_a_header",
        "audio/test_mpeg.py::test_the_cost",
        "audio/test_tags.py::test_a_recipe_is_found_after_ffmpeg",
        "audiocraft/",
        "band/test_compose.py::test_a_thousand_songs",
        "band/test_compose.py::test_no_chord_is_too_short",
        "band/test_dataset.py",
        "band/test_render.py::test_the_same_song",
        "checkpoint/test_checkpoint.py::test_a_full_disk",
        "checkpoint/test_foreign_checkpoints.py::test_a_lightning",
        "checkpoint/test_foreign_checkpoints.py::test_a_lost_part",
        "checkpoint/test_foreign_checkpoints.py::test_a_published",
        "checkpoint/test_foreign_checkpoints.py::test_a_wrong_value",
        "checkpoint/test_foreign_checkpoints.py::test_weights_that_are_no_weights",
        "chords/test_limits.py::test_what_is_too_large",
        "cli/test_bad_input.py::test_odd_drums_work",
        "cli/test_check.py",
        "cli/test_convert.py",
        "cli/test_doctor.py",
        "cli/test_evaluate.py",
        "cli/test_generate.py::test_a_take_",
        "cli/test_generate.py::test_the_suffix_decides",
        "cli/test_many_requests.py",
        "cli/test_prepare.py",
        "cli/test_synthesize.py",
        "cli/test_teardown.py",
        "cli/test_threads.py",
        "cli/test_train.py",
        "data/test_datamodule.py",
        "extract/test_drums.py",
        "pipeline/test_takes.py::test_a_request_is_encoded_once",
        "prepare/",
        "project/test_extending.py",
        "project/test_readme.py::test_a_block",
        "project/test_readme.py::test_the_python",
        "project/test_wheel.py",
        "scripts/test_environment.py::test_without_network",
        "test_demo.py",
        "test_fuzz",
        "test_python_api.py",
        "test_workers.py",
        "training/codec/test_module.py",
        "training/flow/",
        "training/test_overfit.py",
        "training/test_resume.py",
        "training/text/test_module.py",
    )
)
"""Beginnings of node ids."""
