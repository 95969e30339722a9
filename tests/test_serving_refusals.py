"""What a server refuses: senseless queries, strangers, other sites; and its description."""

import re

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from seqgan_kit.serving import batching
from seqgan_kit.serving.app import make_app
from seqgan_kit.serving.guard import Guard

from .serving import HERE, asked, outcome


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"run": "nobody"}, 404, "no run called 'nobody'"),
        ({"run": "../../etc/passwd"}, 404, "no run called"),
        ({"run": "digits_rows", "label": "12"}, 422, "no digit '12'; it has 0, 1"),
        ({"run": "names_text", "label": "english"}, 422, "say which attribute, as in language="),
        ({"run": "digits_rows", "label": ""}, 422, "no label was named"),
        ({"run": "digits_rows", "count": 0}, 422, "count: "),
        ({"run": "digits_rows", "count": 1001}, 422, "count: "),
        ({"run": "digits_rows", "count": 101}, 422, "1,010 samples, and a request has at most"),
        ({"run": "digits_rows", "count": "many"}, 422, "count: "),
        ({"run": "digits_rows", "seed": -1}, 422, "seed: "),
        ({"run": "digits_rows", "seed": 2**63}, 422, "seed: "),
        ({"run": "digits_rows", "noise_scale": "nan"}, 422, "noise_scale: "),
        ({"run": "digits_rows", "noise_scale": 1e6}, 422, "noise_scale: "),
        ({"run": "digits_rows", "temperature": 1}, 422, "not supported for image runs"),
        ({"run": "names_text", "temperature": 1001}, 422, "temperature: "),
        ({"run": "names_text", "noise_scale": 1}, 422, "not supported for text runs"),
        ({"run": "names_text", "walk": "a..b"}, 422, "walk is not supported for text runs"),
        ({"run": "digits_rows", "walk": "3..7", "steps": 65}, 422, "steps: "),
        ({"run": "digits_rows", "walk": "3..7", "count": 100}, 422, "1,200 samples"),
        ({"run": "digits_rows", "walk": "3"}, 422, "takes two labels, as in"),
        ({"run": "digits_rows", "walk": "3..7", "label": "1"}, 422, "and no --label"),
        ({"run": "digits_rows", "guidance": 2}, 422, "it cannot be guided"),
        ({"run": "digits_rows", "path": "/etc/passwd"}, 422, "path: "),
        ({}, 422, "run: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(query, status, words, ask):
    (answer,) = ask(query)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert set(answer.json()) == {"detail"}


def test_too_many_waiting_requests_are_turned_away(ask, monkeypatch):
    monkeypatch.setattr(batching, "MOST_WAITING", 3)
    answers = ask(*({"run": "digits_rows", "seed": seed} for seed in range(12)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 3
    assert statuses.count(503) == 12 - statuses.count(200) > 0
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["retry-after"] == "1"
    assert "try again" in busy.json()["detail"]


def test_errors_of_one_request_are_its_own(ask):
    good, bad = ask(
        {"run": "digits_rows", "label": "1"}, {"run": "digits_rows", "label": "1", "guidance": 3}
    )
    assert good.status_code == 200
    assert bad.status_code == 422


def test_a_token_is_asked_for(runs):
    app = make_app(runs, token="open sesame")
    query = {"run": "digits_rows", "label": "1"}

    def status(query, path="/sample", **headers):
        (answer,) = asked(app, query, path=path, headers=headers, base="http://example.org")
        assert answer.status_code != 401 or answer.headers["www-authenticate"] == "Bearer"
        return answer.status_code

    for path in ("/", "/runs", "/sample", "/openapi.json", "/runs/digits_rows/preview", "/else"):
        assert status({}, path) == 401
        assert status({"token": "open"}, path) == 401
        assert status({}, path, authorization="Bearer open sesam") == 401
        assert status({}, path, authorization="Basic open sesame") == 401
    assert status({}, "/") == 401
    assert status({"token": "open sesame"}, "/") == 200
    assert status(query, authorization="Bearer open sesame") == 200
    assert status({**query, "token": "open sesame"}) == 200
    (described,) = asked(app, {"token": "open sesame"}, path="/openapi.json")
    assert described.json()["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_another_name_of_this_machine_is_refused(host, status, runs):
    (answer,) = asked(make_app(runs), {}, path="/runs", headers={"host": host})
    assert answer.status_code == status


def test_other_sites_and_bodies_are_refused(runs):
    app = make_app(runs)
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert asked(app, {}, path="/runs", headers=cross)[0].status_code == 403
    followed = {**cross, "sec-fetch-mode": "navigate"}
    (page,) = asked(app, {}, path="/", headers=followed)
    assert page.status_code == 200
    assert "access-control-allow-origin" not in page.headers
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", page.text)

    async def post():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.post("/runs", content=b"x" * 10)

    assert outcome(post).status_code == 413
    assert isinstance(app, Guard)


@pytest.mark.parametrize(
    "path",
    ["/runs/..%2F..%2Fetc%2Fpasswd/preview", "/runs/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
     "/runs//etc/passwd/preview", "/page.js", "/static/../app.py"],
)  # fmt: skip
def test_no_path_leads_to_a_file(path, runs):
    (answer,) = asked(make_app(runs), {}, path=path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("place", ["/runs", "/sample", "/runs/{name}/training"])
def test_the_description_is_kept_to(place, runs):
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", make_app(runs), headers={"host": "127.0.0.1"}
    )

    @given(case=schema[place]["GET"].as_strategy(), served=st.booleans())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case, served):
        if served and "run" in case.query:
            # Beyond the names that nobody serves.
            case.query["run"] = "digits_rows"
        # Which labels and parameters a run has, no description of all runs can say.
        case.call_and_validate(
            headers={"host": "127.0.0.1"}, excluded_checks=[positive_data_acceptance]
        )

    check()
