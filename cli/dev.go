package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/service"
)

// What dev uses unless it is told otherwise: a port, and in its data directory the store and what was not sent.
const (
	defaultTemporalPort = 7233
	storeName           = "narrative.db"
	outboxName          = "outbox"
)

func (p *program) devCommand() *cobra.Command {
	var listen listening
	var dataDir, file string
	var temporalPort, uiPort int
	c := &cobra.Command{
		Use: "dev", Short: "Run everything in one process, with a Temporal of its own", Args: takes(),
		Long: "Run everything in one process: the API, the worker, a Temporal server with its UI, and a store in a file.\n" +
			"NARRATIVE_DATABASE_URL and TEMPORAL_ADDRESS take the place of the last two.",
	}
	flags := c.Flags()
	listen.flags(flags)
	trigger := triggering(flags)
	flags.StringVar(&dataDir, "data-dir", service.DefaultDataDir, "the folder for everything that is kept")
	flags.IntVar(&temporalPort, "temporal-port", defaultTemporalPort, "port of the Temporal server; 0, or the default where it is taken, takes a free one")
	flags.IntVar(&uiPort, "ui-port", 8233, "port of Temporal's UI; 0, or the default where it is taken, takes a free one")
	flags.StringVarP(&file, "file", "f", "", "the narrative.yaml to apply at start-up")
	for flag, variable := range map[string]string{
		"data-dir": "NARRATIVE_DATA_DIR", "temporal-port": "NARRATIVE_TEMPORAL_PORT", "ui-port": "NARRATIVE_UI_PORT", "file": "NARRATIVE_FILE",
	} {
		orEnv(flags, flag, variable)
	}
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		o, err := p.serviceOptions(slog.LevelWarn, *trigger)
		if err != nil {
			return err
		}
		listen.options(&o)
		o.Worker, o.Migrate, o.Embedded, o.File = true, true, p.embedded, file
		o.DataDir, o.TemporalPort, o.UIPort = dataDir, temporalPort, uiPort
		if !flags.Changed("temporal-port") {
			o.TemporalPort = freeOr0(temporalPort)
		}
		if !flags.Changed("ui-port") {
			o.UIPort = freeOr0(uiPort)
		}
		o.OutboxDir = filepath.Join(dataDir, outboxName)
		if err := p.withoutEmbedded(&o); err != nil {
			return err
		}
		if read, err := config.ReadFiles(strings.NewReader(""), file); err == nil && file != "" { // what is wrong with it the service tells
			warn(cmd, read)
		}
		said := &terminal{w: cmd.OutOrStdout()}
		o.Told = func(h service.Happening) {
			h.Text = p.called(h.Text)
			said.tell(h)
		}
		err = p.serve(cmd.Context(), o, func(s server) { said.begin(p.banner(cmd.Context(), s, listen.url(s), dataDir, file)) })
		if err == nil {
			said.line("stopped; started again, it goes on where it was")
		}
		return err
	})
	return c
}

// freeOr0 is the port where nothing listens on it, else 0, which takes any.
func freeOr0(port int) int {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0
	}
	_ = l.Close()
	return port
}

// withoutEmbedded sees to what is different in a program that was built without the embedded server: Temporal is
// elsewhere, and the store still is a file in the data directory unless something else is said.
func (p *program) withoutEmbedded(o *service.Options) error {
	if p.embedded != nil {
		return nil
	}
	if p.Env("TEMPORAL_ADDRESS") == "" {
		return misused("this program was built without the embedded Temporal server; set TEMPORAL_ADDRESS to the HOST:PORT of one")
	}
	if o.DatabaseURL != "" {
		return nil
	}
	o.DatabaseURL = "sqlite:" + filepath.Join(o.DataDir, storeName)
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return misused("the data directory cannot be made: %w; choose another with --data-dir", err)
	}
	return nil
}

// watched says how many metas there are, as the API answers it.
func (p *program) watched(ctx context.Context, address string) (string, error) {
	api := &client{base: address, key: p.Env("NARRATIVE_API_KEY"), http: newHTTPClient()}
	var counts [2]int
	for n, kind := range []string{"assertions", "events"} {
		query := url.Values{"limit": {fmt.Sprint(narrative.MaxPage)}}
		for {
			r, err := api.get(ctx, "/api/v1/"+kind, query)
			if err != nil {
				return "", err
			}
			var page narrative.Listed[struct {
				Enabled bool `json:"enabled"`
			}]
			if err := r.into(&page); err != nil {
				return "", err
			}
			for _, meta := range page.Items {
				if meta.Enabled {
					counts[n]++
				}
			}
			if page.NextCursor == "" {
				break
			}
			query.Set("cursor", page.NextCursor)
		}
	}
	text := counted(counts[0], "assertion")
	if counts[1] > 0 {
		text += ", " + counted(counts[1], "event")
	}
	return text, nil
}

// banner says that everything runs and where to look.
func (p *program) banner(ctx context.Context, s server, api, dataDir, file string) []string {
	watched, err := p.watched(ctx, api)
	var refused *problem
	switch {
	case err != nil && (strings.HasPrefix(api, "https:") || errors.As(err, &refused) && refused.Status == http.StatusUnauthorized):
		watched = "what the store holds" // which is for those to see who have a key, or know the certificate
	case err != nil:
		watched = "what the store holds; it could not be counted: " + err.Error()
	case file != "":
		watched += " (" + file + ")"
	case strings.HasPrefix(watched, "0 "):
		watched += "; give it some with -f narrative.yaml"
	}
	temporal := p.Env("TEMPORAL_ADDRESS")
	if s.UIURL() != "" {
		temporal = s.UIURL() + " (its server: " + s.TemporalAddress() + ")"
	}
	lines := []string{
		"Narrative is ready. Ctrl-C stops it.",
		"  watching  " + watched,
		"  API       " + api,
		"  Temporal  " + temporal,
	}
	if outbox, channels := s.Outbox(); outbox != "" {
		lines = append(lines, "  outbox    "+outbox+" ("+notConfigured(channels)+" written here)")
	}
	return append(lines, "  data      "+dataDir, "")
}

// notConfigured says what goes to the outbox, and why.
func notConfigured(channels []string) string {
	lacks, goes := map[string]string{narrative.ChannelEmail: "SMTP", narrative.ChannelSlack: "Slack"},
		map[string]string{narrative.ChannelEmail: "mail", narrative.ChannelSlack: "what is for Slack"}
	var missing, written []string
	for _, c := range channels {
		missing, written = append(missing, lacks[c]), append(written, goes[c])
	}
	if len(channels) == 1 {
		return "no " + missing[0] + " is configured, so " + written[0] + " is"
	}
	return "neither " + strings.Join(missing, " nor ") + " is configured, so " + strings.Join(written, " and ") + " are"
}

// terminal is where a person reads along. What happens before the banner is told after it.
type terminal struct {
	mu    sync.Mutex
	w     io.Writer
	begun bool
	held  []string
}

// maxHeld bounds what waits for the banner.
const maxHeld = 1000

func (t *terminal) begin(banner []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = true
	for _, line := range append(banner, t.held...) {
		fmt.Fprintln(t.w, line)
	}
	t.held = nil
}

func (t *terminal) tell(h service.Happening) {
	t.line(h.At.Local().Format("15:04:05") + "  " + strings.ReplaceAll(plainText(h.Text), "\n", " "))
}

func (t *terminal) line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.begun:
		fmt.Fprintln(t.w, text)
	case len(t.held) < maxHeld:
		t.held = append(t.held, text)
	}
}
