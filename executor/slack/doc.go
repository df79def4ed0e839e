// Package slack tells people in Slack, and hears what they press there.
//
// # Cards
//
// [Slack] is a [narrative.Board] over Slack's Web API. An issue has one message in a channel, its card: a colour, what
// is wrong, where it stands, what it waits for, the newest proposals with their plans, and buttons. The card is edited
// as the issue moves; its thread is the story, with everything that was told after the card was made. What is told
// again, or to more people, is shown in the channel, too. Issues told of by one message share one card, which lists
// them; where one of them needs a person, its buttons stand in the thread. Such a card is edited by Send only where the
// telling is of all its issues: otherwise Refresh, which is given all of them, has to follow.
//
// [Outbox] writes the same messages into a folder, for those who have no Slack. [Hook] posts to an incoming webhook,
// which can do much less: see [Hook.Cannot].
//
// # What is not posted twice
//
// A message carries metadata of type narrative_message: {key, issues, count} for what is told, {issue, entry} for lines
// of a timeline, up to that number. Where an earlier attempt may have been accepted, the channel's history or the thread
// is searched for them first. For that the bot needs the scopes channels:history and groups:history (and channels:read
// and groups:read, where channels are given by name). Without them a message may be posted twice, which is logged.
//
// # Errors
//
// A 429 is [narrative.Unavailable] with its RetryAfter; so are 5xx, failures of the network, and what Slack calls its own
// fault. What stays wrong until a person changes something is [narrative.Invalid], with a sentence that says what, and
// with Slack's own word. No error holds the token, or the URL of a webhook.
//
// # Buttons
//
// [Interactions] is what Slack sends presses of buttons to: POST /slack/interactions. Requests must be signed with the
// app's signing secret. Who presses must be one of the configuration's operators; they are told when something was
// refused or failed, and nobody else is.
package slack
