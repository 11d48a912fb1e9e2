from local.cloud.needed_packages import complaints


def test_a_missing_package_is_named_with_what_it_is_for() -> None:
    (complaint,) = complaints({"json": "nothing", "no_such_package": "Athena would answer made-up rows"})

    assert "no_such_package cannot be imported" in complaint
    assert "Athena would answer made-up rows" in complaint
