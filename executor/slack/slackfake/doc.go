// Package slackfake is Slack's Web API for tests: a real HTTP server that keeps channels, messages and threads, refuses
// what Slack refuses, fails when it is told to, and presses buttons like a person would.
//
// It is as strict as Slack about what it is sent: tokens and scopes, the number of blocks, the lengths of their texts,
// ids that stand twice, triggers that are too old. It is not Slack: what nobody here uses is an unknown_method.
//
// Like Slack, it shows a reply to a message that is gone in the channel, and says nothing of it; and it takes the blocks
// of a message away that is edited with a text and without blocks.
//
// It may serve another process, which is given its [Server.URL] as SLACK_API_URL.
package slackfake
