package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of reading server-sent events.
const (
	streamSilence = 45 * time.Second // three keep-alives: after that the connection is dead
	maxEvent      = 16 << 20
)

// streamEvent is an event that a server sent.
type streamEvent struct {
	id   string // of this one, or else the last before it that had one
	name string // empty: the server did not say
	data []byte
}

// eventStream reads events from a connection, until that ends or is silent for too long.
type eventStream struct {
	lines   *bufio.Scanner
	silence *time.Timer
	close   func()
	id      string // of the last event, for whoever goes on from it
	heard   bool   // anything
}

// streaming returns a client for streams, which may go on for ever.
func (c *client) streaming() *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = streamSilence
	endless := *c
	endless.http = &http.Client{Transport: transport}
	return &endless
}

// stream begins to read events, those after the id if it is given. A refusal is an error like that of send.
func (c *client) stream(ctx context.Context, path string, query url.Values, after string) (*eventStream, error) {
	header := []string{"Accept", "text/event-stream"}
	if after != "" {
		header = append(header, "Last-Event-ID", after)
	}
	ctx, cancel := context.WithCancel(ctx)
	request, err := c.request(ctx, http.MethodGet, path+"?"+query.Encode(), nil, header...)
	if err != nil {
		cancel()
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		defer cancel()
		return nil, c.unreachable(ctx, err)
	}
	s := &eventStream{lines: bufio.NewScanner(response.Body), silence: time.AfterFunc(streamSilence, cancel), id: after}
	s.lines.Buffer(nil, maxEvent)
	s.close = func() {
		s.silence.Stop()
		cancel()
		_ = response.Body.Close()
	}
	if err := c.acceptable(response); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// acceptable returns why an answer is no stream of events.
func (c *client) acceptable(response *http.Response) error {
	if response.StatusCode >= 300 {
		read, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
		if err != nil {
			return failed("read the answer of %s: %w", c.base, err)
		}
		return c.refused(response, read)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "text/event-stream" {
		return failed("%s answers with %q instead of events, and is no Narrative API; set NARRATIVE_URL to where it is", c.base, plainText(kind))
	}
	return nil
}

// next returns the next event. The error is io.EOF where the connection ended between two, or in one, which is dropped.
func (s *eventStream) next() (streamEvent, error) {
	e := streamEvent{}
	for s.lines.Scan() {
		s.silence.Reset(streamSilence)
		s.heard = true
		line := s.lines.Bytes()
		if len(line) > 0 {
			if err := s.field(&e, line); err != nil {
				return streamEvent{}, err
			}
			continue
		}
		if e.data != nil {
			e.id = s.id
			return e, nil
		}
		e = streamEvent{} // without data it is none; its id counts
	}
	if err := s.lines.Err(); err != nil {
		return streamEvent{}, err
	}
	return streamEvent{}, io.EOF
}

// field adds a line to the event.
func (s *eventStream) field(e *streamEvent, line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		e.name = string(value)
	case "id":
		if !strings.ContainsRune(string(value), 0) {
			s.id = string(value)
		}
	case "data":
		if e.data != nil {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
		if e.data == nil {
			e.data = []byte{}
		}
		if len(e.data) > maxEvent {
			return bufio.ErrTooLong
		}
	}
	return nil // an empty name is a comment
}
