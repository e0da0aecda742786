"""Repositories, their labels and their check runs as GitHub's JSON."""

from __future__ import annotations

from ghapp.emulator.checks import CheckRun, CheckSuite, combined
from ghapp.emulator.conversation import Label
from ghapp.emulator.issue import Tracker
from ghapp.emulator.json import Json, iso, node_id
from ghapp.emulator.json.accounts import Addresses, user
from ghapp.emulator.repository import Activity, Repository

URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
FIXED: Json = {
    "mirror_url": None,
    "homepage": None,
    "language": None,
    "license": None,
    "forks": 0,
    "forks_count": 0,
    "stargazers_count": 0,
    "watchers": 0,
    "watchers_count": 0,
    "size": 1,
    "is_template": False,
    "has_projects": True,
    "has_wiki": True,
    "has_pages": False,
    "has_downloads": True,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "visibility": "private",
    "allow_forking": True,
    "web_commit_signoff_required": False,
}


def minimal(repository: Repository) -> Json:
    """A repository as lists in deliveries have it."""
    return {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": True,
    }


def repository(at: Addresses, repository: Repository) -> Json:
    url = at.repository(repository)
    page = f"{at.html}/{repository.full_name}"
    opened = sum(thread.state == "open" for thread in repository.threads())
    return {
        **minimal(repository),
        "owner": user(at, repository.owner),
        "html_url": page,
        "description": repository.description,
        "fork": repository.parent is not None,
        "url": url,
        **{name: url + end for name, end in URLS.items()},
        "git_url": f"git:{page.partition(':')[2]}.git",
        "ssh_url": f"git@{page.partition('://')[2].replace('/', ':', 1)}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "open_issues": opened,
        "open_issues_count": opened,
        "default_branch": repository.default_branch,
        "topics": repository.topics,
        "has_issues": repository.has_issues,
        "pushed_at": iso(repository.pushed_at),
        "created_at": iso(repository.created_at),
        "updated_at": iso(repository.pushed_at),
        **FIXED,
    }


def branch(at: Addresses, repository: Repository, name: str) -> Json:
    """As far as Apps read it. A rule of any ruleset makes a branch `protected`."""
    sha, has_rule = repository.branches[name], name in repository.protected
    level = "everyone" if has_rule else "off"
    contexts = repository.required_checks.get(name, []) if has_rule else []
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{at.repository(repository)}/commits/{sha}"},
        "protected": has_rule or bool(repository.rules.get(name)),
        "protection": {
            "enabled": has_rule,
            "required_status_checks": {
                "enforcement_level": level,
                "contexts": contexts,
                "checks": [{"context": one, "app_id": None} for one in contexts],
            },
        },
    }


def label(at: Addresses, repository: Tracker, label: Label) -> Json:
    return {
        "id": label.id,
        "node_id": node_id("Label", label.id),
        "url": f"{at.repository(repository)}/labels/{label.name.replace(' ', '%20')}",
        "name": label.name,
        "color": label.color,
        "default": label.default,
        "description": label.description,
        "archived_at": None,
        "archived_by": None,
    }


def activity(at: Addresses, one: Activity) -> Json:
    return {
        "id": one.id,
        "node_id": node_id("Activity", one.id),
        "before": one.before,
        "after": one.after,
        "ref": f"refs/heads/{one.branch}",
        "timestamp": iso(one.at),
        "activity_type": one.kind,
        "actor": user(at, one.actor),
    }


def check_run(at: Addresses, repository: Repository, run: CheckRun) -> Json:
    """A check run as the API answers it. As on GitHub, actions are not among it."""
    url = f"{at.repository(repository)}/check-runs/{run.id}"
    page = f"{at.html}/{repository.full_name}/runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("CheckRun", run.id),
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": iso(run.started_at),
        "completed_at": iso(run.completed_at),
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.suite.id},
        "app": at.app,
        "pull_requests": _pulls(at, repository, run.head_sha),
    }


def check_run_delivered(at: Addresses, repository: Repository, run: CheckRun) -> Json:
    """A check run inside a `check_run` delivery, with its suite in full."""
    suite = check_suite(at, repository, run.suite)
    for name in ("latest_check_runs_count", "check_runs_url", "rerequestable"):
        del suite[name]
    return {**check_run(at, repository, run), "check_suite": suite}


def check_suite(at: Addresses, repository: Repository, suite: CheckSuite) -> Json:
    runs = repository.latest_runs(suite)
    url = f"{at.repository(repository)}/check-suites/{suite.id}"
    status, conclusion = combined(runs)
    nobody = {"name": "", "email": ""}
    return {
        "id": suite.id,
        "node_id": node_id("CheckSuite", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": suite.before,
        "after": suite.head_sha,
        "pull_requests": _pulls(at, repository, suite.head_sha),
        "app": at.app,
        "created_at": iso(suite.created_at),
        "updated_at": iso(suite.updated_at),
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": {
            "id": suite.head_sha,
            "tree_id": suite.head_sha,
            "message": "",
            "timestamp": iso(suite.created_at),
            "author": nobody,
            "committer": nobody,
        },
    }


def _pulls(at: Addresses, repository: Repository, sha: str) -> list[Json]:
    """Open pulls with this head; pulls from forks are left out.

    Source: https://docs.github.com/rest/checks/runs (pull_requests is empty for forks)
    """
    url = at.repository(repository)
    repo = {"id": repository.id, "url": url, "name": repository.name}
    return [
        {
            "url": f"{url}/pulls/{pull.number}",
            "id": pull.id,
            "number": pull.number,
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repo},
        }
        for pull in repository.pulls.values()
        if pull.head_sha == sha and pull.state == "open" and pull.head_repository is repository
    ]
