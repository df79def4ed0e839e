package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// Outbox is the board that writes messages into a folder, one .json file each, with what chat.postMessage would be
// given. A file is named after when the message was made and its key, so that a repeat replaces itself; the files of
// cards are rewritten as their issues move. A post's Place is its channel, and its Message the name of its file.
type Outbox struct{ board }

var _ narrative.Board = (*Outbox)(nil)

// NewOutbox returns an outbox in the folder dir, which it makes if need be.
func NewOutbox(dir string) (*Outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "make the outbox: %w", err)
	}
	return &Outbox{newBoard(folder(dir), time.Now, slog.New(slog.DiscardHandler))}, nil
}

// Send writes the message; the receipt is its channel and the name of its file, with a slash between them.
func (o *Outbox) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	return o.send(ctx, t)
}

// Refresh writes the new lines of timelines and rewrites the file of the card, unless that was cleared away.
func (o *Outbox) Refresh(ctx context.Context, posts []narrative.Post, stories []narrative.Story, again bool) ([]narrative.Post, error) {
	return o.refresh(ctx, posts, stories, again)
}

// folder is the client of an outbox.
type folder string

var _ client = folder("")

func (f folder) postMessage(ctx context.Context, m message) (place, ts string, err error) {
	name := fileName(m)
	return m.Channel, name, f.write(ctx, name, m)
}

func fileName(m message) string {
	key := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, m.key)
	if key != m.key || len(key) > 64 {
		key = narrative.HashText(m.key)[:32]
	}
	return m.at.UTC().Format("20060102T150405.000000Z") + "-" + key + ".json"
}

func (f folder) updateMessage(ctx context.Context, _, ts string, m message) error {
	was, err := f.read(ts)
	if err != nil {
		return err
	}
	m.Channel, m.Metadata = was.Channel, was.Metadata
	return f.write(ctx, ts, m)
}

func (f folder) history(_ context.Context, q query) (page, error) {
	if q.ts == "" {
		return page{}, nil // what is written again replaces itself
	}
	m, err := f.read(q.ts)
	if gone(err) {
		return page{}, nil
	}
	one := posted{ts: q.ts}
	if m.Metadata != nil {
		one.mark = m.Metadata.Payload
	}
	return page{found: []posted{one}}, err
}

func (f folder) replies(context.Context, query) (page, error) { return page{}, nil }

func (f folder) channelID(_ context.Context, channel string) (string, error) { return channel, nil }

func (f folder) read(name string) (m message, err error) {
	if filepath.Base(name) != name {
		return m, narrative.Errorf(narrative.Invalid, "read from the outbox: %q names no file: %w", name, refusal("message_not_found"))
	}
	content, err := os.ReadFile(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return m, narrative.Errorf(narrative.Invalid, "read from the outbox: %s is gone: %w", name, refusal("message_not_found"))
	}
	if err != nil {
		return m, narrative.Errorf(narrative.Unavailable, "read from the outbox: %w", err)
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, narrative.Errorf(narrative.Invalid, "read from the outbox: %s: %w", name, err)
	}
	return m, nil
}

// write never lets a reader of the folder see half a file.
func (f folder) write(ctx context.Context, name string, m message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return narrative.Errorf(narrative.Invalid, "write to the outbox: %w", err)
	}
	if err := f.replace(name, append(content, '\n')); err != nil {
		return narrative.Errorf(narrative.Unavailable, "write to the outbox: %w", err)
	}
	return nil
}

func (f folder) replace(name string, content []byte) (err error) {
	// Made again, since people clear folders away.
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(string(f), ".writing-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(content); err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(string(f), name))
}
