package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	narrative "github.com/narrative-go/narrative"
)

// measureMail shuts one gate after another, checks it, and waits for the mail that tells the admins; in turns with
// bare workflows.
func measureMail(ctx context.Context, dir string, s size) ([]row, error) {
	arrived, url, stop, err := mailServer()
	if err != nil {
		return nil, err
	}
	defer stop()
	h, err := newHouse(ctx, dir, url)
	if err != nil {
		return nil, err
	}
	defer h.stop()
	metas := gates(rounds*s.mails, day, "")
	if err := h.watch(ctx, metas); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("of %d; floor: a bare workflow, start to end", s.mails)
	p50, p99 := row{what: "failing check to mail, p50 ms", note: note}, row{what: "failing check to mail, p99 ms", note: note}
	for batch := range rounds {
		var ours, floor []float64
		for _, m := range metas[batch*s.mails:][:s.mails] {
			took, err := h.bareTrip(ctx)
			if err != nil {
				return nil, err
			}
			floor = append(floor, milliseconds(took))
			if took, err = h.failToMail(ctx, m.Meta, arrived); err != nil {
				return nil, err
			}
			ours = append(ours, milliseconds(took))
		}
		p50.ours, p50.floor = append(p50.ours, median(ours)), append(p50.floor, median(floor))
		p99.ours, p99.floor = append(p99.ours, quantile(ours, 0.99)), append(p99.floor, quantile(floor, 0.99))
	}
	return []row{p50, p99}, nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func (h *house) bareTrip(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	run, err := h.startBare(ctx, 0)
	if err != nil {
		return 0, err
	}
	err = run.Get(ctx, nil)
	return time.Since(begun), err
}

// failToMail is the time from asking for a check, which fails, to the mail about it.
func (h *house) failToMail(ctx context.Context, m narrative.Meta, arrived <-chan letter) (time.Duration, error) {
	h.shut.Store(&m.Name)
	begun := time.Now()
	if _, err := h.check(ctx, m); err != nil {
		return 0, err
	}
	late := time.After(30 * time.Second)
	for {
		select {
		case l := <-arrived:
			if strings.Contains(l.subject, m.Name) {
				return l.at.Sub(begun), nil
			}
		case <-late:
			return 0, fmt.Errorf("no mail tells that %s fails", m.Name)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// letter is a mail that was received whole.
type letter struct {
	at      time.Time
	subject string
}

// mailServer receives mail on loopback.
func mailServer() (arrived <-chan letter, url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	letters := make(chan letter, 1000)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{letters}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(l) }()
	return letters, "smtp://" + l.Addr().String(), func() { _ = server.Close() }, nil
}

// session takes every mail.
type session struct{ letters chan<- letter }

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data reads the mail and says when it was there.
func (s session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return err
	}
	s.letters <- letter{time.Now(), m.Header.Get("Subject")}
	return nil
}
