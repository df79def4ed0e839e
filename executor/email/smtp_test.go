package email

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/narrative-go/narrative"
)

func TestAMessageIsDelivered(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t, "plain")
	receipt, err := channel(t, "smtp://"+s.address, SMTPOptions{}).Send(context.Background(), notification())
	if err != nil || receipt != "<k1@shop.example>" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	if got := s.received(); len(got) != 1 || !strings.Contains(got[0], "Message-ID: <k1@shop.example>\r\n") {
		t.Errorf("received %q", got)
	}
}

func TestAMessageThatWasTakenIsDeliveredWhateverFollows(t *testing.T) {
	t.Parallel()
	s := (&server{hangUp: true}).start(t, "plain")
	receipt, err := channel(t, "smtp://"+s.address, SMTPOptions{}).Send(context.Background(), notification())
	if err != nil || receipt == "" || len(s.received()) != 1 {
		t.Errorf("receipt %q, %v; received %q", receipt, err, s.received())
	}
}

func TestItLogsIn(t *testing.T) {
	t.Parallel()
	for mode, scheme := range map[string]string{"plain": "smtp", "tls": "smtps"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := (&server{mechs: []string{"PLAIN"}}).start(t, mode)
			o := SMTPOptions{TLS: &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12}}
			if _, err := channel(t, scheme+"://bot:s3cret@"+s.address, o).Send(context.Background(), notification()); err != nil {
				t.Fatal(err)
			}
			_, err := channel(t, scheme+"://bot:wr0ng@"+s.address, o).Send(context.Background(), notification())
			if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("a wrong password: %v", err)
			}
			if len(s.received()) != 1 {
				t.Errorf("received %q", s.received())
			}
		})
	}
}

func TestTLSIsRequiredAwayFromThisMachine(t *testing.T) {
	t.Parallel()
	for mode, ok := range map[string]bool{"plain": false, "starttls": true} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := (&server{mechs: []string{"PLAIN"}}).start(t, mode)
			o := SMTPOptions{
				TLS: &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12},
				Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, network, s.address)
				},
			}
			_, err := channel(t, "smtp://bot:s3cret@mail.example.com", o).Send(context.Background(), notification())
			if ok != (err == nil) || ok != (len(s.received()) == 1) || !ok && len(s.logins) > 0 {
				t.Errorf("%v; received %q, logins %q", err, s.received(), s.logins)
			}
		})
	}
}

func TestRefusalsTellWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	permanent, temporary := &smtp.SMTPError{Code: 550, Message: "no such user"}, &smtp.SMTPError{Code: 451, Message: "later"}
	say := func(err error) func(net.Conn) error { return func(net.Conn) error { return err } }
	hangUp := func(c net.Conn) error { return c.Close() }
	for name, tt := range map[string]struct {
		server *server
		want   narrative.ErrorKind
	}{
		"recipient refused for good": {&server{rcpt: permanent}, narrative.Invalid},
		"recipient refused for now":  {&server{rcpt: temporary}, narrative.Unavailable},
		"sender refused for good":    {&server{mail: say(permanent)}, narrative.Invalid},
		"content refused for good":   {&server{data: say(permanent)}, narrative.Invalid},
		"content refused for now":    {&server{data: say(temporary)}, narrative.Unavailable},
		"hung up before the content": {&server{mail: hangUp}, narrative.Unavailable},
		"hung up within the content": {&server{data: hangUp}, narrative.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.server.start(t, "plain")
			_, err := channel(t, "smtp://"+tt.server.address, SMTPOptions{Timeout: 5 * time.Second}).Send(context.Background(), notification())
			if err == nil || narrative.KindOf(err) != tt.want {
				t.Errorf("kind %q: %v", narrative.KindOf(err), err)
			}
		})
	}
}

func TestAServerThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, tt := range map[string]struct {
		timeout time.Duration
		bound   time.Duration
	}{"by its own timeout": {50 * time.Millisecond, time.Minute}, "by the context": {time.Minute, 50 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), tt.bound)
			defer cancel()
			_, err := channel(t, "smtp://"+l.Addr().String(), SMTPOptions{Timeout: tt.timeout}).Send(ctx, notification())
			if narrative.KindOf(err) != narrative.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err = channel(t, "smtp://127.0.0.1:1", SMTPOptions{}).Send(context.Background(), notification())
	if narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("refused: %v", err)
	}
}

func TestABadURLIsRefusedWithoutThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mail.example.com", "http://u:s3cret@h", "smtp://", "smtp://u:s3cret@h:99999", "smtp://u:s3cret@h:x", "smtp://u:s3cret@h/path", "smtp://u:s3cret@h\n"} {
		_, err := NewSMTP(url, Sender{}, SMTPOptions{})
		if narrative.KindOf(err) != narrative.Invalid || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "smtp[s]://") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := NewSMTP("smtp://h", Sender{From: "nobody"}, SMTPOptions{}); err == nil {
		t.Error("a bad sender was taken")
	}
}

func TestPortsHaveDefaults(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]int{"smtp://h": 587, "smtps://h": 465, "smtp://localhost": 25, "smtp://[::1]": 25, "smtp://h:2525": 2525} {
		if got := channel(t, url, SMTPOptions{}).port; got != want {
			t.Errorf("%s: %d", url, got)
		}
	}
}
