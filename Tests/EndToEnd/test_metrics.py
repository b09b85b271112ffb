"""How fast the loop is: in `status`, and for Prometheus."""

from driver import write_configuration
from prometheus_client.parser import text_string_to_metric_families


def collected(meter, camera, frames=40):
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 0.5}}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(frames)))
    meter("run", "--until-end")
    return meter("status")


def test_status_says_how_fast_the_last_run_was(meter, camera):
    assert "loop" not in meter("status")
    loop = collected(meter, camera)["loop"]
    stages = {line["stage"]: line for line in loop["stages"]}
    assert {"read", "decode", "hash", "gate", "infer", "interpret", "select", "keep", "frame", "commit"} <= set(stages)
    assert stages["frame"]["count"] == stages["decode"]["count"] == 40
    # What is known before a model is asked never comes to it.
    assert 0 < stages["infer"]["count"] <= 40
    for line in stages.values():
        assert 0 < line["p50"] <= line["p95"] <= line["p99"]
        assert line["counts"] == sorted(line["counts"]) and line["counts"][-1] <= line["count"]
    assert loop["frames_per_second"] > 0
    assert "frames a second" in meter.text("status").stdout


def test_prometheus_reads_every_number(meter, camera):
    status = collected(meter, camera)
    text = meter.text("status", "--prometheus").stdout
    families = {family.name: family for family in text_string_to_metric_families(text)}
    frames = {}
    for sample in families["gleaner_frames"].samples:
        frames[sample.labels["outcome"]] = frames.get(sample.labels["outcome"], 0) + sample.value
    assert frames == {key: value for key in ("stored", "rejected", "dropped") if (value := status["frames"][key])}
    states = {each.labels["state"]: each.value for each in families["gleaner_samples"].samples}
    assert states == {key: status["queue"][key] for key in ("queued", "exported", "labeled", "unusable", "expired")}
    (used,) = families["gleaner_disk_used_bytes"].samples
    assert used.value > 0
    (model,) = families["gleaner_model_info"].samples
    assert model.labels == {"name": "meter-digits", "version": "1"}
    histogram = families["gleaner_stage_seconds"]
    assert histogram.type == "histogram"
    buckets = [each for each in histogram.samples if each.name.endswith("_bucket") and each.labels["stage"] == "frame"]
    assert [each.value for each in buckets] == sorted(each.value for each in buckets)
    assert buckets[-1].labels["le"] == "+Inf" and buckets[-1].value == 40


def test_one_format_at_a_time(meter):
    assert "two formats" in meter.text("status", "--prometheus", "--json", status=64).stderr


def test_frames_are_taken_no_faster_than_the_configuration_allows(meter, camera):
    write_configuration(meter.folder, "source: folder:camera\ninference: {max_rate: 20}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(21)))
    meter("run", "--until-end")
    # By its own clock, which is not the machine's mood: twenty pauses of 50 ms. Without them it would be hundreds.
    assert meter("status")["loop"]["frames_per_second"] <= 25


def test_a_loop_that_rests_works_on_one_frame_at_a_time(meter, camera):
    write_configuration(meter.folder, "source: folder:camera\ninference: {duty_cycle: 0.1}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(20)))
    meter("run", "--until-end")
    loop = meter("status")["loop"]
    work = {line["stage"]: line["sum_seconds"] for line in loop["stages"]}["frame"]
    assert meter("status")["frames"]["offered"] == 20
    # The last frame is not rested for.
    assert work / (20 / loop["frames_per_second"]) < 0.2
