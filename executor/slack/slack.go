package slack

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// DefaultAPIURL is where Slack's Web API is.
const DefaultAPIURL = "https://slack.com/api/"

// Options are what a [Slack] goes by.
type Options struct {
	// Token is the bot's, such as xoxb-…; required.
	Token string
	// APIURL is where the Web API is; default [DefaultAPIURL].
	APIURL string
	// HTTPClient makes the requests; its CheckRedirect is replaced. Default one that gives up after 15 s.
	HTTPClient *http.Client
	// Now is the clock; default the machine's.
	Now func() time.Time
	// Logger gets a line for what is left out or cannot be looked up; default none.
	Logger *slog.Logger
}

// Slack is the board that posts by the Web API. It is safe for concurrent use.
type Slack struct {
	board
	web *web
}

var _ narrative.Board = (*Slack)(nil)

// New returns the board. It does not speak to Slack yet; [Slack.Check] does.
func New(o Options) (*Slack, error) {
	if o.Token == "" {
		return nil, narrative.Errorf(narrative.Invalid, "set up Slack: a bot token is required (xoxb-…)")
	}
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	u, err := url.Parse(o.APIURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, narrative.Errorf(narrative.Invalid, "set up Slack: the API's URL must be an http:// or https:// URL with a host")
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/"
	}
	w := newWeb(o.Token, o.APIURL, u.Host, clientOf(o.HTTPClient))
	return &Slack{board: newBoard(w, o.Now, o.Logger), web: w}, nil
}

// clientOf returns a client that follows no redirect, which would take the token elsewhere.
func clientOf(given *http.Client) *http.Client {
	client := http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     30 * time.Second,
		},
	}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// Send posts a card, or a reply in the thread of one; the receipt is the channel's id and the message's ts, with a
// slash between them.
func (s *Slack) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	return s.send(ctx, t)
}

// Refresh edits the card and posts the new lines of timelines in its thread. A card that is gone is left be, and one
// that cannot be edited as it is, without an error.
func (s *Slack) Refresh(ctx context.Context, posts []narrative.Post, stories []narrative.Story, again bool) ([]narrative.Post, error) {
	return s.refresh(ctx, posts, stories, again)
}

// scope is a permission of the bot, and what is lost without it.
type scope struct{ name, without string }

// scopes are those that are asked of the bot, the one it cannot do without first.
func scopes() []scope {
	return []scope{
		{"chat:write", "nothing can be posted"},
		{"channels:history", "a message to a public channel may be posted twice"},
		{"groups:history", "a message to a private channel may be posted twice"},
		{"channels:read", "public channels are not found by name after a failure"},
		{"groups:read", "private channels are not found by name after a failure"},
	}
}

// Check asks Slack who the bot is, and answers "TEAM as BOT", with the scopes that it lacks and what is lost without
// them. A bot that may not post is an [narrative.Invalid] error.
func (s *Slack) Check(ctx context.Context) (string, error) {
	who, err := s.web.authTest(ctx)
	if err != nil {
		return "", err
	}
	said := who.team + " as " + who.bot
	if len(who.scopes) == 0 {
		return said, nil // it was not told
	}
	var missing []string
	for n, one := range scopes() {
		switch {
		case slices.Contains(who.scopes, one.name):
		case n == 0:
			return "", narrative.Errorf(narrative.Invalid, "check Slack: %s lacks the scope %s: %s (missing_scope); add it to the app and install it again",
				said, one.name, one.without)
		default:
			missing = append(missing, one.name+" ("+one.without+")")
		}
	}
	if len(missing) > 0 {
		said += "; missing scopes: " + strings.Join(missing, ", ")
	}
	return said, nil
}
