package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

const heartbeatsPath = "/api/v1/heartbeats"

// beatPath is where beats of a kind are told.
func beatPath(name string, kind narrative.BeatKind) string {
	path := heartbeatsPath + "/" + url.PathEscape(name)
	if kind != narrative.BeatSuccess {
		path += "/" + string(kind)
	}
	return path
}

func (p *program) heartbeatCommand() *cobra.Command {
	c := p.beatCommand("heartbeat", "Tell that something is alive, and see what was", narrative.BeatSuccess)
	c.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return noSuchCommand(cmd, args)
		}
		if err := takes("NAME")(cmd, args); err != nil {
			return err
		}
		cmd.SuggestionsMinimumDistance = 1
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			return misused("did you mean %s %s? to tell that %s is alive, write %[1]s beat %[3]s", cmd.CommandPath(), like[0], args[0])
		}
		return nil
	}
	c.Example = `  narrative heartbeat nightly-backup --note '{"files": 120}'
  narrative heartbeat run nightly-backup -- /usr/local/bin/backup --all`
	c.AddCommand(
		p.beatCommand("beat", "Tell that something is alive, or that a run went well", narrative.BeatSuccess),
		p.beatCommand("start", "Tell that a run begins", narrative.BeatStart),
		p.beatCommand("fail", "Tell that a run failed", narrative.BeatFail),
		p.heartbeatRunCommand(), p.heartbeatListCommand(), p.heartbeatHistoryCommand(), p.heartbeatRemoveCommand(),
	)
	return c
}

// told is the answer to a beat.
type told struct {
	narrative.Datum
	Stored *bool `json:"stored"` // nil: an old server, which stores each
}

// beatCommand tells a beat of that kind.
func (p *program) beatCommand(name, short string, kind narrative.BeatKind) *cobra.Command {
	var out output
	var note string
	c := &cobra.Command{Use: name + " NAME", Short: short, Args: takes("NAME")}
	c.Flags().StringVar(&note, "note", "", "any JSON; what is none is told as a text")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		var body any
		if note != "" {
			body = json.RawMessage(note)
			if !json.Valid([]byte(note)) {
				body = note
			}
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		r, err := newBeats(p, client, args[0]).beat(cmd.Context(), kind, body)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var beat told
			if err := r.into(&beat); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "%s: %s at %s%s\n", args[0], beatNames[kind], beat.At.Format(time.RFC3339), beat.left())
			return err
		})
	})
	return c
}

// beatNames are the kinds of beats as people are told of them.
var beatNames = map[narrative.BeatKind]string{narrative.BeatSuccess: "beat", narrative.BeatStart: "start", narrative.BeatFail: "failure"}

// left says that a beat is not in the history.
func (t told) left() string {
	if t.Stored == nil || *t.Stored {
		return ""
	}
	return ", too soon after the one before to be kept in the history"
}
