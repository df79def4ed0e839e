package email

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/email/smtpfake"
)

func TestAMessageIsDelivered(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{})
	sent, err := channel(t, s.URL(), SMTPOptions{}).Send(context.Background(), telling())
	if err != nil || sent.Receipt != "<k1@shop.example>" {
		t.Fatalf("%+v, %v", sent, err)
	}
	got := s.Messages()
	if len(got) != 1 {
		t.Fatalf("received %+v", got)
	}
	envelope := append([]string{got[0].From}, got[0].To...)
	if diff := cmp.Diff([]string{"bot@shop.example", "ops@example.com"}, envelope); diff != "" {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	if got[0].Header.Get("Message-Id") != "<k1@shop.example>" || got[0].Subject != "invoice 7 is off: 5€ Bcc: x@example.com" || got[0].Text != "See <invoice> 7.\nRegards" {
		t.Errorf("received %s", got[0].Raw)
	}
}

func TestAGreylistedMessageIsTakenWhenItIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{Greylist: 2})
	c := channel(t, s.URL(), SMTPOptions{})
	for range 2 {
		_, err := c.Send(context.Background(), telling())
		if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "451 4.7.1 greylisted, please try again later") {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := c.Send(context.Background(), telling()); err != nil || len(s.Messages()) != 1 || s.Attempts("ops@example.com") != 3 {
		t.Errorf("%v; received %d", err, len(s.Messages()))
	}
}

func TestARefusedRecipientDoesNotHarmAnother(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{})
	s.Refuse("gone@example.com", smtpfake.Permanent)
	c := channel(t, s.URL(), SMTPOptions{})
	gone := telling()
	gone.Recipient = "Gone <gone@example.com>"
	_, err := c.Send(context.Background(), gone)
	const want = "send mail to gone@example.com by 127.0.0.1: 550 5.1.1 there is no such user here"
	if narrative.KindOf(err) != narrative.Invalid || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := c.Send(context.Background(), telling()); err != nil || len(s.Messages()) != 1 {
		t.Errorf("another: %v", err)
	}
}

func TestAMessageThatWasTakenIsDeliveredWhateverFollows(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{})
	s.HangUp(smtpfake.AfterAcceptance, 1)
	sent, err := channel(t, s.URL(), SMTPOptions{}).Send(context.Background(), telling())
	if err != nil || sent.Receipt == "" || len(s.Messages()) != 1 {
		t.Errorf("%+v, %v; received %d", sent, err, len(s.Messages()))
	}
}

// A server that hangs up after the dot has taken the message, and nobody knows: it is sent again under the same
// Message-ID.
func TestAServerThatHangsUpIsTriedAgain(t *testing.T) {
	t.Parallel()
	for when, kept := range map[smtpfake.Hang]int{smtpfake.BeforeContent: 1, smtpfake.BeforeDot: 1, smtpfake.AfterDot: 2} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := smtpfake.New(t, smtpfake.Options{})
			s.HangUp(when, 1)
			c := channel(t, s.URL(), SMTPOptions{Timeout: 5 * time.Second})
			if _, err := c.Send(context.Background(), telling()); narrative.KindOf(err) != narrative.Unavailable {
				t.Fatalf("got %v", err)
			}
			if _, err := c.Send(context.Background(), telling()); err != nil {
				t.Fatal(err)
			}
			got := s.Messages()
			if len(got) != kept {
				t.Fatalf("received %d", len(got))
			}
			for _, m := range got {
				if diff := cmp.Diff(string(got[0].Raw), string(m.Raw)); diff != "" {
					t.Errorf("a repeat differs (-first +again)\n%s", diff)
				}
			}
		})
	}
}

func TestRefusalsTellWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	reply := func(code int, enhanced ...int) smtpfake.Reply {
		r := smtpfake.Reply{Code: code, Text: "because"}
		copy(r.Enhanced[:], enhanced)
		return r
	}
	for name, tt := range map[string]struct {
		sender, recipient, content smtpfake.Reply
		want                       narrative.ErrorKind
	}{
		"the recipient, for good":              {recipient: reply(550, 5, 1, 1), want: narrative.Invalid},
		"the recipient, for now":               {recipient: reply(450, 4, 2, 1), want: narrative.Unavailable},
		"the recipient, without more":          {recipient: reply(553), want: narrative.Invalid},
		"the recipient, for now as it is said": {recipient: reply(550, 4, 2, 2), want: narrative.Unavailable},
		"the sender, for good":                 {sender: reply(550, 5, 7, 1), want: narrative.Invalid},
		"the sender, for want of a login":      {sender: reply(530, 5, 7, 0), want: narrative.Unavailable},
		"the server shuts down":                {sender: reply(421, 4, 3, 2), want: narrative.Unavailable},
		"the content, for good":                {content: reply(554, 5, 6, 0), want: narrative.Invalid},
		"the content, for now":                 {content: reply(452, 4, 3, 1), want: narrative.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtpfake.New(t, smtpfake.Options{})
			s.RefuseSenders(tt.sender)
			s.Refuse("ops@example.com", tt.recipient)
			s.RefuseContent(tt.content)
			_, err := channel(t, s.URL(), SMTPOptions{}).Send(context.Background(), telling())
			if err == nil || narrative.KindOf(err) != tt.want || !strings.HasSuffix(err.Error(), "because") {
				t.Errorf("kind %q: %v", narrative.KindOf(err), err)
			}
		})
	}
}

func TestItLogsIn(t *testing.T) {
	t.Parallel()
	for _, mode := range []smtpfake.TLS{smtpfake.NoTLS, smtpfake.Implicit} {
		t.Run("under TLS: "+string(mode), func(t *testing.T) {
			t.Parallel()
			s := smtpfake.New(t, smtpfake.Options{TLS: mode, Users: map[string]string{"bot": "s3cret"}})
			if _, err := channel(t, s.URL(), trusting(s)).Send(context.Background(), telling()); err != nil {
				t.Fatal(err)
			}
			_, err := channel(t, strings.Replace(s.URL(), "s3cret", "wr0ng", 1), trusting(s)).Send(context.Background(), telling())
			if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), "wr0ng") || !strings.Contains(err.Error(), "the login of bot is refused") || !strings.Contains(err.Error(), "535 5.7.8 Authentication failed") {
				t.Errorf("a wrong password: %v", err)
			}
			_, err = channel(t, strings.Replace(s.URL(), "bot:s3cret@", "", 1), trusting(s)).Send(context.Background(), telling())
			if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "530 5.7.0 authentication required") {
				t.Errorf("no login: %v", err)
			}
			if len(s.Messages()) != 1 {
				t.Errorf("received %d", len(s.Messages()))
			}
		})
	}
}

func TestTLSIsRequiredElsewhereUnlessItIsSaidNotToBe(t *testing.T) {
	t.Parallel()
	const hint = "does not offer STARTTLS, which is required unless the URL says ?tls=off or ?tls=opportunistic"
	for name, tt := range map[string]struct {
		url    string
		server smtpfake.TLS
		says   string // what is wrong; empty: it is delivered
		login  bool
	}{
		"required and offered":        {"smtp://bot:s3cret@mail.example.com", smtpfake.StartTLS, "", true},
		"required and missing":        {"smtp://bot:s3cret@mail.example.com", smtpfake.NoTLS, hint, false},
		"from the start":              {"smtps://bot:s3cret@mail.example.com", smtpfake.Implicit, "", true},
		"off":                         {"smtp://bot:s3cret@mail.example.com?tls=off", smtpfake.NoTLS, "", true},
		"off and offered":             {"smtp://bot:s3cret@mail.example.com?tls=off", smtpfake.StartTLS, "", true},
		"opportunistic and offered":   {"smtp://bot:s3cret@mail.example.com/?tls=opportunistic", smtpfake.StartTLS, "", true},
		"opportunistic, and no login": {"smtp://mail.example.com?tls=opportunistic", smtpfake.NoTLS, "", false},
		"opportunistic, and a login":  {"smtp://bot:s3cret@mail.example.com?tls=opportunistic", smtpfake.NoTLS, "connect to the mail server mail.example.com", false},
		"a certificate of another":    {"smtp://bot:s3cret@mail.other.example", smtpfake.StartTLS, "its certificate is not trusted here", false},
		"another's, from the start":   {"smtps://bot:s3cret@mail.other.example", smtpfake.Implicit, "its certificate is not trusted here", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := smtpfake.Options{TLS: tt.server}
			if strings.Contains(tt.url, "bot") {
				o.Users = map[string]string{"bot": "s3cret"}
			}
			s := smtpfake.New(t, o)
			_, err := channel(t, tt.url, elsewhere(s)).Send(context.Background(), telling())
			if tt.says == "" && (err != nil || len(s.Messages()) != 1) || tt.login != (len(s.Logins()) > 0) {
				t.Errorf("%v; logins %q", err, s.Logins())
			}
			if tt.says != "" && (narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), tt.says) || len(s.Messages()) > 0) {
				t.Errorf("got %v, want %s", err, tt.says)
			}
		})
	}
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	t.Parallel()
	s := smtpfake.New(t, smtpfake.Options{TLS: smtpfake.StartTLS})
	o := elsewhere(s)
	o.TLS = nil
	for _, url := range []string{"smtp://mail.example.com", "smtp://mail.example.com?tls=opportunistic"} {
		_, err := channel(t, url, o).Send(context.Background(), telling())
		if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "its certificate is not trusted here") {
			t.Errorf("%s: %v", url, err)
		}
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
			_, err := channel(t, "smtp://"+l.Addr().String(), SMTPOptions{Timeout: tt.timeout}).Send(ctx, telling())
			if narrative.KindOf(err) != narrative.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err = channel(t, "smtp://127.0.0.1:1", SMTPOptions{}).Send(context.Background(), telling())
	if narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("refused: %v", err)
	}
}

func TestABadURLIsRefusedWithoutThePassword(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"": "", "mail.example.com": "", "http://u:s3cret@h": "", "smtp://": "", "smtp://u:s3cret@h/path": "", "smtp://u:s3cret@h\n": "",
		"smtp://u:s3cret@h:99999": "the port is not from 1 to 65535", "smtp://u:s3cret@h:x": "",
		"smtp://u:s3cret@h?tls=of":             `and is required where nothing is said; did you mean "off"?`,
		"smtp://u:s3cret@h?tls=required":       "tls must be off or opportunistic, and is required where nothing is said",
		"smtp://u:s3cret@h?tls=":               "tls must be off or opportunistic",
		"smtp://u:s3cret@h?tsl=off":            "the only thing that may be said behind the ? is tls, once",
		"smtp://u:s3cret@h?tls=off&tls=off":    "once",
		"smtp://u:s3cret@h?tls=off&x=s3cret":   "the only thing",
		"smtps://u:s3cret@h?tls=opportunistic": "smtps is TLS from the start, and takes no tls",
		"smtp://u:s3cret@h?%zz":                "what stands behind the ? cannot be read",
	} {
		_, err := NewSMTP(url, Sender{}, SMTPOptions{})
		if narrative.KindOf(err) != narrative.Invalid || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "smtp[s]://") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := NewSMTP("smtp://h", Sender{From: "nobody"}, SMTPOptions{}); err == nil {
		t.Error("a bad sender was taken")
	}
}

func TestPortsHaveDefaults(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]int{
		"smtp://h": 587, "smtps://h": 465, "smtp://localhost": 25, "smtp://[::1]": 25, "smtp://h:2525": 2525, "smtp://h?tls=off": 587,
	} {
		if got := channel(t, url, SMTPOptions{}).port; got != want {
			t.Errorf("%s: %d", url, got)
		}
	}
}
