// Package slackfake is Slack's Web API for tests: a real HTTP server that keeps channels, messages and threads, refuses
// what Slack refuses, fails when it is told to, and presses buttons like a person would.
//
// It is as strict as Slack about what it is sent: tokens and scopes, the number of blocks, the lengths of their texts,
// ids that stand twice, triggers that are too old. It is not Slack: what nobody here uses is an unknown_method.
//
// It may serve another process, which is given its [Server.URL] as SLACK_API_URL.
package slackfake
