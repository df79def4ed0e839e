package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// completeWithin bounds what completion asks of the API: somebody waits with a finger on a key.
const completeWithin = 2 * time.Second

// completer returns what may stand in a place, each perhaps with a tab and what it means.
type completer func(ctx context.Context) []string

// completions gives every command the completion of its arguments and flags. It goes by their names: what is called the
// same means the same.
func (p *program) completions(root *cobra.Command) {
	flags := p.flagCompletions()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if arguments := p.argumentCompletions(c); len(arguments) > 0 && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
				if len(args) >= len(arguments) || arguments[len(args)] == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return completed(cmd, arguments[len(args)], begun)
			}
		}
		for name, candidates := range flags {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
					return completed(cmd, candidates, begun)
				}) // an error means that the command has one of its own
			}
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(root)
}

// completed are the candidates that go on with what was begun.
func completed(cmd *cobra.Command, candidates completer, begun string) ([]string, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	var fitting []string
	for _, one := range candidates(ctx) {
		if strings.HasPrefix(one, begun) {
			fitting = append(fitting, one)
		}
	}
	return fitting, cobra.ShellCompDirectiveNoFileComp
}

// argumentCompletions are the completers of a command's arguments, in their order; nil where there is nothing to offer.
func (p *program) argumentCompletions(c *cobra.Command) (arguments []completer) {
	parent := ""
	if c.Parent() != nil {
		parent = c.Parent().Name()
	}
	for _, word := range strings.Fields(c.Use)[1:] {
		if strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_…") != "" { // a flag, or what may be left out
			break
		}
		var one completer
		switch place := parent + " " + strings.TrimSuffix(word, "…"); {
		case place == "issue ID":
			one = p.issueIDs
		case place == "notification ID":
			one = p.notificationIDs
		case place == "assertion NAME":
			one = p.names(narrative.AssertionKind)
		case place == "event NAME":
			one = p.names(narrative.EventKind)
		case c.Name() == "check" && word == "NAME", place == "route NAME":
			one = p.names(narrative.AssertionKind, narrative.EventKind)
		case place == "heartbeat NAME", c.Name() == "heartbeat" && word == "NAME":
			one = p.heartbeatNames
		case word == "CHANNEL":
			one = fixed(narrative.Channels...)
		}
		arguments = append(arguments, one)
	}
	if slices.ContainsFunc(arguments, func(one completer) bool { return one != nil }) {
		return arguments
	}
	return nil
}

// flagCompletions are the completers of flags, by name.
func (p *program) flagCompletions() map[string]completer {
	levels := fixed("trace", "debug", "info", "warn", "error")
	return map[string]completer{
		"status":     fixed(texts(narrative.Statuses)...),
		"severity":   fixed(texts(narrative.Severities)...),
		"level":      levels,
		"min-level":  levels,
		"state":      fixed("pending", "sent", "undelivered", "suppressed"),
		"channel":    fixed(narrative.Channels...),
		"order":      fixed("newest", "oldest"),
		"output":     fixed("table", "json"),
		"log-format": fixed("text", "json"),
		"log-level":  fixed("debug", "info", "warn", "error"),
		"trigger":    fixed(string(narrative.TriggerCron), string(narrative.TriggerSchedule)),
		"assertion":  p.names(narrative.AssertionKind),
		"event":      p.names(narrative.EventKind),
		"issue":      p.issueIDs,
		"class":      p.classes,
	}
}

func texts[T ~string](all []T) []string {
	to := make([]string, len(all))
	for n, one := range all {
		to[n] = string(one)
	}
	return to
}

func fixed(all ...string) completer { return func(context.Context) []string { return all } }

// classes are the classes of assertions and events that this program knows.
func (p *program) classes(context.Context) []string {
	if p.registry == nil {
		return nil
	}
	all := append(p.registry.Classes(narrative.AssertionKind), p.registry.Classes(narrative.EventKind)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// names are the names of assertions or events that the server has.
func (p *program) names(kinds ...narrative.MetaKind) completer {
	return func(ctx context.Context) (all []string) {
		for _, kind := range kinds {
			for _, m := range candidates[narrative.Meta](ctx, p, metaPath(kind, "")) {
				all = append(all, described(m.Name, m.DisplayName))
			}
		}
		return all
	}
}

// issueIDs are the ids of the newest issues.
func (p *program) issueIDs(ctx context.Context) (all []string) {
	for _, i := range candidates[narrative.Issue](ctx, p, issuesPath) {
		all = append(all, described(i.ID, i.Name()+" ("+string(i.Status)+"): "+i.Summary))
	}
	return all
}

// notificationIDs are the ids of the newest notifications that are undelivered.
func (p *program) notificationIDs(ctx context.Context) (all []string) {
	for _, n := range candidates[narrative.Notification](ctx, p, notificationsPath+"?state="+url.QueryEscape(string(narrative.NotificationUndelivered))) {
		all = append(all, described(n.ID, string(n.Kind)+" to "+n.Recipient))
	}
	return all
}

func described(name, means string) string { return flat(name) + "\t" + oneLine(means) }

// candidates are the first page of a list. What goes wrong is no candidate: a shell is no place for errors.
func candidates[T any](ctx context.Context, p *program, path string) []T {
	api, err := p.client()
	if err != nil {
		return nil
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	r, err := api.get(ctx, path+separator+"limit=500", nil)
	if err != nil {
		return nil
	}
	var listed narrative.Listed[T]
	if r.into(&listed) != nil {
		return nil
	}
	return listed.Items
}
