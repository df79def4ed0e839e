package slackfake

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
)

// Slack's limits. See https://docs.slack.dev/reference/block-kit/blocks and
// https://docs.slack.dev/reference/methods/chat.postMessage.
const (
	mostBlocks   = 50
	mostInView   = 100
	mostMetadata = 8000 // bytes
	mostMessage  = 40_000
	mostText     = 12_000 // of all blocks together; not documented, and seen at some 13,000
)

func (m Message) validate() *refusal {
	if strings.TrimSpace(m.Text) == "" && len(m.Blocks) == 0 && len(m.Attachments) == 0 {
		return refuse("no_text")
	}
	if length(m.Text) > mostMessage {
		return refuse("msg_too_long")
	}
	if text, err := json.Marshal(m.Metadata); err != nil || len(text) > mostMetadata {
		return refuse("metadata_too_large")
	}
	if weight(m.All()) > mostText {
		return refuse("msg_blocks_too_long")
	}
	ids := map[string]bool{}
	if wrong := checkBlocks(m.Blocks, mostBlocks, ids, false); wrong != "" {
		return invalid("invalid_blocks", "%s", wrong)
	}
	for _, a := range m.Attachments {
		if wrong := checkBlocks(a.Blocks, mostBlocks, ids, false); wrong != "" {
			return invalid("invalid_attachments", "%s", wrong)
		}
	}
	return nil
}

// checkBlocks returns what is wrong with blocks; ids are those of the message's blocks so far.
func checkBlocks(blocks []Block, most int, ids map[string]bool, view bool) string {
	if len(blocks) > most {
		return "no more than 50 items allowed"
	}
	for _, b := range blocks {
		id, _ := b["block_id"].(string)
		if length(id) > 255 {
			return "block_id is longer than 255 characters"
		}
		if id != "" && ids[id] {
			return "block_id " + id + " already exists"
		}
		ids[id] = true
		if wrong := checkBlock(b, view); wrong != "" {
			return wrong
		}
	}
	return ""
}

func checkBlock(b Block, view bool) string {
	kind, _ := b["type"].(string)
	switch kind {
	case "header":
		return checkText(b["text"], "header text", 150, "plain_text")
	case "section":
		return checkSection(b)
	case "context":
		elements := listOf(b["elements"])
		if len(elements) < 1 || len(elements) > 10 {
			return "a context has 1 to 10 elements"
		}
		for _, e := range elements {
			if wrong := checkText(e, "context element", 3000, ""); e["type"] != "image" && wrong != "" {
				return wrong
			}
		}
	case "actions":
		return checkActions(b)
	case "input":
		if !view {
			return "unsupported type: input"
		}
		return checkInput(b)
	case "divider", "image", "rich_text", "markdown", "video", "file", "table":
	default:
		return "unsupported type: " + kind
	}
	return ""
}

func checkSection(b Block) string {
	fields := listOf(b["fields"])
	if b["text"] == nil && len(fields) == 0 {
		return "a section has a text or fields"
	}
	if len(fields) > 10 {
		return "a section has at most 10 fields"
	}
	for _, f := range fields {
		if wrong := checkText(f, "field", 2000, ""); wrong != "" {
			return wrong
		}
	}
	if b["text"] == nil {
		return ""
	}
	return checkText(b["text"], "section text", 3000, "")
}

func checkActions(b Block) string {
	elements := listOf(b["elements"])
	if len(elements) < 1 || len(elements) > 25 {
		return "actions have 1 to 25 elements"
	}
	seen := map[string]bool{}
	for _, e := range elements {
		id, _ := e["action_id"].(string)
		if id != "" && seen[id] {
			return "action_id " + id + " already exists"
		}
		if seen[id] = true; length(id) > 255 {
			return "action_id is longer than 255 characters"
		}
		if e["type"] == "button" {
			if wrong := checkButton(e); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func checkButton(e Block) string {
	if wrong := checkText(e["text"], "button text", 75, "plain_text"); wrong != "" {
		return wrong
	}
	if value, _ := e["value"].(string); length(value) > 2000 {
		return "a button's value is longer than 2000 characters"
	}
	if style := e["style"]; style != nil && style != "primary" && style != "danger" {
		return "a button's style is primary or danger"
	}
	confirm, asks := e["confirm"].(Block)
	if !asks {
		return ""
	}
	for _, part := range []struct {
		name, kind string
		most       int
	}{{"title", "plain_text", 100}, {"text", "", 300}, {"confirm", "plain_text", 30}, {"deny", "plain_text", 30}} {
		if wrong := checkText(confirm[part.name], "confirm "+part.name, part.most, part.kind); wrong != "" {
			return wrong
		}
	}
	return ""
}

func checkInput(b Block) string {
	if wrong := checkText(b["label"], "label", 2000, "plain_text"); wrong != "" {
		return wrong
	}
	e, _ := b["element"].(Block)
	switch e["type"] {
	case "plain_text_input":
		if most, _ := e["max_length"].(float64); most > 3000 {
			return "max_length is more than 3000"
		}
	case "static_select":
		options := listOf(e["options"])
		if len(options) < 1 || len(options) > 100 {
			return "a select has 1 to 100 options"
		}
		for _, o := range options {
			if wrong := checkText(o["text"], "option text", 75, "plain_text"); wrong != "" {
				return wrong
			}
			if value, _ := o["value"].(string); value == "" || length(value) > 150 {
				return "an option's value has 1 to 150 characters"
			}
		}
	default:
		return "an input's element is missing or not supported"
	}
	return ""
}

// checkText returns what is wrong with a text object; kind is empty where it may be of either.
func checkText(v any, what string, most int, kind string) string {
	o, _ := v.(Block)
	text, _ := o["text"].(string)
	switch {
	case o == nil:
		return "missing required field: " + what
	case o["type"] != "plain_text" && o["type"] != "mrkdwn", kind != "" && o["type"] != kind:
		return what + " is of the wrong type"
	case text == "":
		return what + " must be more than 0 characters"
	case length(text) > most:
		return what + " is too long"
	}
	return ""
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

func textOf(v any) string {
	o, _ := v.(Block)
	text, _ := o["text"].(string)
	return text
}

func listOf(v any) (all []Block) {
	list, _ := v.([]any)
	for _, one := range list {
		o, _ := one.(Block)
		all = append(all, o)
	}
	return all
}

func marshal(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.String(), err
}

// weight is how long the texts of blocks are together.
func weight(blocks []Block) (n int) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case Block:
			for name, e := range v {
				if text, ok := e.(string); ok && name == "text" {
					n += length(text)
					continue
				}
				walk(e)
			}
		}
	}
	for _, b := range blocks {
		walk(b)
	}
	return n
}
