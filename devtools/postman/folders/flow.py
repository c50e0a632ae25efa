"""The test flow of the client's document: eight steps, from sign-up to the status of a subscription."""

from typing import Final

from devtools.postman.model import A_TIME, MIDNIGHT, SOME_TEXT, Folder, Request, above, matches
from devtools.postman.variables import new_number

_LIST_UNTIL_CACHED = """\
// The first read fills the cache, so that this step is answered from it.
const read = (tries) => pm.sendRequest({
  url: pm.variables.replaceIn("{{base_url}}/chatroom"),
  header: { Authorization: pm.variables.replaceIn("Bearer {{auth_token}}") },
}, (error, answer) => {
  if (!error && tries > 1 && answer.headers.get("X-Cache") === "MISS") read(tries - 1);
});
read(5);
"""

FOLDER: Final = Folder(
    "Test flow",
    "The eight steps of a first conversation, in order. Run this folder alone, or send the requests one "
    "by one "
    "from the top: each keeps what the next one needs in the collection's variables.",
    (
        Request(
            name="1. Sign up",
            operation="sign_up",
            status=201,
            text="Opens an account for a new mobile number.\n\n"
            "The number is proved in the next two steps, so no password is needed.",
            before=new_number("mobile_number"),
            body={"mobile_number": "{{mobile_number}}", "full_name": "Ada Lovelace"},
            checks={
                "the account of this number": {
                    "user.mobile_number": "{{mobile_number}}",
                    "user.full_name": "Ada Lovelace",
                    "user.has_password": False,
                    "user.plan": "basic",
                    "user.created_at": A_TIME,
                },
                "not signed in yet": {"user.last_login_at": None},
            },
        ),
        Request(
            name="2. Send a code",
            operation="send_otp",
            status=200,
            text="Sends a code of six digits to the number; it is valid for five minutes.\n\n"
            "`./dev run` shows the code in the answer as `otp`. On a server that sends text messages, put "
            "the code "
            "into the variable `otp` by hand.",
            body={"mobile_number": "{{mobile_number}}"},
            checks={
                "a code, valid for five minutes": {
                    "message": SOME_TEXT,
                    "expires_in": 300,
                    "resend_after": 30,
                },
                "the code is in the answer (the server runs with OTP_DELIVERY=response)": {
                    "otp": matches("^[0-9]{6}$")
                },
            },
            keep={"otp": "otp"},
            saved={"otp": "042137"},
        ),
        Request(
            name="3. Verify the code",
            operation="verify_otp",
            status=200,
            text="Trades the code for an access token of a day and a refresh token.\n\n"
            "The access token is kept in `auth_token`; all requests below send it.",
            body={"mobile_number": "{{mobile_number}}", "otp": "{{otp}}"},
            checks={
                "tokens for a day": {
                    "token_type": "bearer",
                    "expires_in": 86400,
                    'access_token.split(".").length': 3,
                    "refresh_token": SOME_TEXT,
                    "refresh_expires_in": above(86400),
                },
                "the new user": {
                    "user.mobile_number": "{{mobile_number}}",
                    "user.full_name": "Ada Lovelace",
                    "user.plan": "basic",
                    "user.last_login_at": A_TIME,
                },
            },
            keep={"auth_token": "access_token"},
        ),
        Request(
            name="4. Create a chatroom",
            operation="create_chatroom",
            status=201,
            text="Opens a room; every field may be left out.\n\n"
            "`system_instruction` tells Gemini how to answer in this room.",
            body={"title": "Poems", "system_instruction": "Answer in verse."},
            checks={
                "a new room": {
                    "title": "Poems",
                    "description": None,
                    "system_instruction": "Answer in verse.",
                    "archived": False,
                    "message_count": 0,
                    "last_message_at": None,
                },
                "the address of the room": {"Location": matches("^/chatroom/[0-9a-f-]{36}$")},
            },
            keep={"chatroom_id": "id"},
        ),
        Request(
            name="5. Send a message and get the reply",
            operation="send_message",
            status=201,
            text="Stores the message, and answers with Gemini's reply as soon as it is finished.\n\n"
            "A reply that takes longer than 25 seconds is answered 202 and continues in the background.",
            body={"content": "Write a line about the sea."},
            checks={
                "the message, and its finished reply": {
                    "message.chatroom_id": "{{chatroom_id}}",
                    "message.role": "user",
                    "message.content": "Write a line about the sea.",
                    "message.status": "completed",
                    "reply.role": "model",
                    "reply.status": "completed",
                    "reply.error": None,
                    "reply.content": SOME_TEXT,
                    "reply.usage.output_tokens": above(0),
                    "reply.reply_to === body.message.id": True,
                },
                "one of five messages of the day is used": {
                    "quota.limit": 5,
                    "quota.used": 1,
                    "quota.remaining": 4,
                    "quota.resets_at": MIDNIGHT,
                },
                "the address of the reply, and what is left of the limits": {
                    "Location": matches("^/chatroom/[0-9a-f-]{36}/message/[0-9a-f-]{36}$"),
                    "RateLimit-Policy": matches(
                        '^"ip";q=[0-9]+;w=60, "basic";q=[0-9]+;w=60, "daily";q=5;w=86400$'
                    ),
                    "RateLimit": matches(', "daily";r=4;t=[0-9]+$'),
                },
            },
            keep={"message_id": "message.id", "reply_id": "reply.id"},
        ),
        Request(
            name="6. List the chatrooms, from the cache",
            operation="list_chatrooms",
            status=200,
            text="Lists the rooms, newest activity first.\n\n"
            "`X-Cache: HIT` says that the list was read from Redis, where it is kept for five minutes or "
            "until "
            "something in it changes.",
            before=_LIST_UNTIL_CACHED,
            checks={
                "the room, with its message and the reply": {
                    "chatrooms.length": 1,
                    "chatrooms[0].id": "{{chatroom_id}}",
                    "chatrooms[0].title": "Poems",
                    "chatrooms[0].message_count": 2,
                    "next_cursor": None,
                },
                "read from Redis": {"X-Cache": "HIT"},
            },
        ),
        Request(
            name="7. Subscribe to Pro",
            operation="subscribe_pro",
            status=201,
            text="Answers with the address of Stripe's payment page.\n\n"
            "Open `checkout_url` in a browser and pay: the sandbox's page asks for no card, Stripe's test "
            "mode "
            'takes 4242 4242 4242 4242. The folder "Pro" pays by itself.',
            body={},
            checks={
                "a payment page": {
                    "checkout_url": matches("^https?:"),
                    "session_id": SOME_TEXT,
                    "expires_at": A_TIME,
                }
            },
            keep={"checkout_url": "checkout_url", "checkout_session_id": "session_id"},
        ),
        Request(
            name="8. Subscription status",
            operation="get_subscription",
            status=200,
            text="The plan now, and what is left of the day's messages.\n\n"
            "It is `basic` until the page is paid, then `pro` without a limit.",
            checks={
                "basic, with one of five messages used": {
                    "plan": "basic",
                    "status": None,
                    "current_period_end": None,
                    "cancel_at_period_end": False,
                    "grace_until": None,
                    "usage.limit": 5,
                    "usage.used": 1,
                    "usage.remaining": 4,
                    "usage.resets_at": MIDNIGHT,
                }
            },
        ),
    ),
)
