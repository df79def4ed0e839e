package email

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/narrative-go/narrative"
)

// Outbox is the channel that writes messages into a folder, one .eml file each. A file is named after when the
// message was made and its key, so that a repeat replaces itself.
type Outbox struct {
	dir string
	id  identity
}

var _ narrative.Channel = (*Outbox)(nil)

// NewOutbox returns an outbox in the folder dir, which it makes if need be.
func NewOutbox(dir string, s Sender) (*Outbox, error) {
	id, err := s.identity()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "make the outbox: %w", err)
	}
	return &Outbox{dir: dir, id: id}, nil
}

// Send writes the message; the receipt is its Message-ID. A reader of the folder never sees half a file.
func (o *Outbox) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	if err := ctx.Err(); err != nil {
		return narrative.Sent{}, err
	}
	m, err := o.id.write(t)
	if err != nil {
		return narrative.Sent{}, err
	}
	if err := o.write(o.name(t), m.content); err != nil {
		return narrative.Sent{}, narrative.Errorf(narrative.Unavailable, "write to the outbox: %w", err)
	}
	return narrative.Sent{Receipt: m.messageID}, nil
}

func (o *Outbox) name(t narrative.Telling) string {
	key := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, t.Key)
	if key != t.Key || len(key) > 64 {
		key = narrative.HashText(t.Key)[:32]
	}
	return t.CreatedAt.UTC().Format("20060102T150405.000000Z") + "-" + key + ".eml"
}

func (o *Outbox) write(name string, content []byte) (err error) {
	// Made again, since people clear folders away.
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(o.dir, ".writing-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(o.dir, name))
}
