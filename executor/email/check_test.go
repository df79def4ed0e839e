package email

import (
	"context"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/email/smtpfake"
)

func TestAServerIsCheckedWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url    string
		server smtpfake.TLS
		found  string
	}{
		"on this machine": {"", smtpfake.NoTLS, " answers, without TLS, on this machine, logged in as bot, takes messages of up to 10485760 bytes"},
		"by STARTTLS":     {"smtp://bot:s3cret@mail.example.com", smtpfake.StartTLS, "mail.example.com:587 answers, under TLS 1.3, logged in as bot, takes messages of up to 10485760 bytes"},
		"from the start":  {"smtps://bot:s3cret@mail.example.com", smtpfake.Implicit, "mail.example.com:465 answers, under TLS 1.3, logged in as bot, takes messages of up to 10485760 bytes"},
		"in the open":     {"smtp://mail.example.com?tls=off", smtpfake.NoTLS, "mail.example.com:587 answers, without TLS, takes messages of up to 10485760 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtpfake.New(t, smtpfake.Options{TLS: tt.server, Users: map[string]string{"bot": "s3cret"}})
			if tt.url == "" {
				tt.url = s.URL()
			}
			found, err := channel(t, tt.url, elsewhere(s)).Check(context.Background())
			if err != nil || !strings.HasSuffix(found, tt.found) || len(s.Messages()) > 0 || s.Attempts("ops@example.com") > 0 {
				t.Errorf("found %q, %v", found, err)
			}
		})
	}
}

func TestACheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{Users: map[string]string{"bot": "s3cret"}})
	_, err := channel(t, strings.Replace(s.URL(), "s3cret", "wr0ng", 1), SMTPOptions{}).Check(context.Background())
	if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "the login of bot is refused: ") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a wrong password: %v", err)
	}
	s.Close()
	_, err = channel(t, s.URL(), SMTPOptions{}).Check(context.Background())
	if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "connect to the mail server 127.0.0.1") {
		t.Errorf("a server that is away: %v", err)
	}
}
