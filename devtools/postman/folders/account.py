"""The user's account: name, use, everything that is held about the user."""

from typing import Final

from devtools.postman.model import A_TIME, MIDNIGHT, Assertion, Folder, Request, above, count, matches

FOLDER: Final = Folder(
    "Account",
    "The account of the test flow's user.",
    (
        Request(
            name="Show the account",
            operation="get_me",
            status=200,
            checks={
                "the user of the test flow": {
                    "mobile_number": "{{mobile_number}}",
                    "full_name": "Ada Lovelace",
                    "has_password": False,
                    "plan": "basic",
                    "created_at": A_TIME,
                },
                "signed in just now": {"last_login_at": A_TIME},
            },
        ),
        Request(
            name="Change the name",
            operation="update_me",
            status=200,
            body={"full_name": "  Ada King "},
            checks={"the new name, without the blanks around it": {"full_name": "Ada King"}},
        ),
        Request(
            name="Messages and tokens of the last three days",
            operation="get_my_usage",
            status=200,
            query={"days": "3"},
            checks={
                "one of five used today": {"limit": 5, "used": 1, "remaining": 4, "resets_at": MIDNIGHT},
                "a row for every day, the newest first": {
                    "days": count(3),
                    "days[0].messages": 1,
                    "days[0].input_tokens": above(0),
                    "days[0].output_tokens": above(0),
                    "days[0].day > body.days[1].day": True,
                    "days[1].messages": 0,
                },
            },
        ),
        Request(
            name="Download everything that is held about the user",
            operation="export_me",
            status=200,
            checks={
                "a file": {
                    "Content-Disposition": matches(r'^attachment; filename="account-[0-9-]{10}\.json"$')
                },
                "the account, and the rooms with their messages": {
                    "account.mobile_number": "{{mobile_number}}",
                    "chatrooms[0].id": "{{chatroom_id}}",
                    "chatrooms[0].messages.length === body.chatrooms[0].message_count": True,
                },
                "no secret": {"text()": Assertion("to.not.match(/password_hash|refresh_hash|lease/)")},
            },
        ),
    ),
)
