package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/narrative-go/narrative"
)

// maxBlocks is how many blocks Slack takes in a message. See https://docs.slack.dev/reference/block-kit/blocks.
const maxBlocks = 50

// maxSubject is the most characters of a subject that is made from a text.
const maxSubject = 150

type slackArgs struct {
	Channel string          `json:"channel"` // #name, or an id
	Text    string          `json:"text"`    // with blocks, what stands for them in a notification
	Blocks  json.RawMessage `json:"blocks"`  // a list of Slack's Block Kit
}

func checkSlack(raw json.RawMessage) narrative.Problems {
	var args slackArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	p := args.checkChannel(true)
	blocks, wrong := args.blocks()
	p = append(p, wrong...)
	if args.Text == "" && len(blocks) == 0 && len(wrong) == 0 {
		p = append(p, oneProblem("text", "give at least one of text and blocks")...)
	}
	return p
}

// checkChannel lets a template be that may still have to be filled.
func (a slackArgs) checkChannel(unfilled bool) narrative.Problems {
	switch {
	case a.Channel == "":
		return oneProblem("channel", "is required: #name, in lower case, or the channel's id")
	case narrative.HasReference(a.Channel):
		return oneProblem("channel", "cannot refer to the environment or a file: who is told is kept in the store")
	case unfilled && open(a.Channel):
		return nil
	}
	return narrative.ProblemsOf("channel", narrative.CheckAddress(narrative.ChannelSlack, a.Channel))
}

func (a slackArgs) blocks() ([]any, narrative.Problems) {
	if trimmed := bytes.TrimSpace(a.Blocks); len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil, nil
	}
	value, err := narrative.DecodeJSON(a.Blocks)
	if err != nil {
		return nil, narrative.ProblemsOf("blocks", err)
	}
	blocks, ok := value.([]any)
	if !ok {
		return nil, oneProblem("blocks", "must be a list of blocks of Slack's Block Kit")
	}
	if len(blocks) > maxBlocks {
		return nil, oneProblem("blocks", "has %d blocks; Slack takes at most %d in a message", len(blocks), maxBlocks)
	}
	var p narrative.Problems
	for i, block := range blocks {
		members, _ := block.(map[string]any)
		if kind, _ := members["type"].(string); kind == "" {
			p = append(p, narrative.Problems{{Message: "must be an object with a type, such as section"}}.At(index("blocks", i))...)
		}
	}
	return blocks, p
}

func (e *Executor) slack(ctx context.Context, call narrative.ActionCall) (string, error) {
	var args slackArgs
	if err := narrative.DecodeArgs(kept(call), &args); err != nil {
		return "", err
	}
	blocks, p := args.blocks()
	if err := append(args.checkChannel(false), p...).Err(); err != nil {
		return "", err
	}
	m := narrative.Message{Subject: firstLine(args.Text), Text: args.Text, Blocks: blocks}
	return e.tell(ctx, call, narrative.Recipients{Slack: args.Channel}, m)
}

// firstLine is the beginning of a text, for a subject.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(oneLine(line)); len(runes) > maxSubject {
		return string(runes[:maxSubject-1]) + "…"
	}
	return oneLine(line)
}
