package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

func (p *program) exportCommand() *cobra.Command {
	var format, source, dir string
	var force bool
	c := &cobra.Command{
		Use: "export", Short: "Write what Narrative watches, and its configuration, as a narrative.yaml that applies to no change",
		Args: takes(),
	}
	c.Flags().StringVarP(&format, "output", "o", "yaml", "print yaml, or the same document as json")
	c.Flags().StringVar(&source, "source", "", "only what came from this source, without the configuration")
	c.Flags().StringVarP(&dir, "dir", "d", "", "write a file for each source into this folder, instead of printing")
	c.Flags().BoolVar(&force, "force", false, "with --dir, replace files that are there")
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		switch {
		case format != "yaml" && format != "json":
			return misused("--output is %q; expected yaml or json", format)
		case dir != "" && cmd.Flags().Changed("source"):
			return misused("give either --source or --dir, not both")
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		held, err := holds(cmd.Context(), client)
		if err != nil {
			return err
		}
		if dir != "" {
			return writeAll(cmd, dir, format, force, held)
		}
		m, err := exported(held, source, cmd.Flags().Changed("source"))
		if err != nil {
			return err
		}
		text, err := written(m, format)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
	return c
}

// holds returns all that the store holds.
func holds(ctx context.Context, c *client) (m narrative.Manifest, err error) {
	if m.Assertions, err = everything[narrative.AssertionMeta](ctx, c, "/api/v1/assertions"); err != nil {
		return m, err
	}
	if m.Events, err = everything[narrative.EventMeta](ctx, c, "/api/v1/events"); err != nil {
		return m, err
	}
	r, err := c.get(ctx, "/api/v1/config", nil)
	if err != nil {
		return m, err
	}
	var held narrative.Config
	if err := r.into(&held); err != nil {
		return m, err
	}
	usual := narrative.DefaultConfig()
	usual.Admins.Email = held.Admins.Email
	if len(held.Admins.Email) > 0 || !reflect.DeepEqual(held, usual) {
		m.Config = &held
	}
	return m, nil
}

// everything returns all pages of a list.
func everything[T any](ctx context.Context, c *client, path string) (all []T, err error) {
	query := url.Values{"limit": {strconv.Itoa(narrative.MaxPage)}}
	for {
		r, err := c.get(ctx, path, query)
		if err != nil {
			return nil, err
		}
		var page narrative.Listed[T]
		if err := r.into(&page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

// sourcesOf are the sources that metas came from, sorted.
func sourcesOf(m narrative.Manifest) []string {
	var all []string
	for _, a := range m.Assertions {
		all = append(all, a.Source)
	}
	for _, e := range m.Events {
		all = append(all, e.Source)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// only returns what came from a source.
func only(m narrative.Manifest, source string) narrative.Manifest {
	of := narrative.Manifest{Source: source}
	for _, a := range m.Assertions {
		if a.Source == source {
			of.Assertions = append(of.Assertions, a)
		}
	}
	for _, e := range m.Events {
		if e.Source == source {
			of.Events = append(of.Events, e)
		}
	}
	return of
}

// exported is what is printed: all of one source, with the configuration where the source was not chosen.
func exported(held narrative.Manifest, source string, chosen bool) (narrative.Manifest, error) {
	sources := sourcesOf(held)
	switch {
	case chosen && !slices.Contains(sources, source):
		return held, failed("nothing came from the source %q%s (there are: %s)", source, narrative.DidYouMean(source, sources), strings.Join(sources, ", "))
	case chosen:
		return only(held, source), nil
	case len(sources) > 1:
		return held, misused("what is watched came from several sources (%s): choose one with --source, or write a file for each with --dir DIR", strings.Join(sources, ", "))
	case len(sources) == 1:
		held.Source = sources[0]
	default:
		held.Source = "narrative.yaml"
	}
	return held, nil
}

func written(m narrative.Manifest, format string) ([]byte, error) {
	text, err := config.Write(m)
	if err != nil || format == "yaml" {
		return text, err
	}
	asJSON, err := config.ToJSON(text)
	return append(asJSON, '\n'), err
}

// writeAll writes a file for each source, and one for the configuration where there are several.
func writeAll(cmd *cobra.Command, dir, format string, force bool, held narrative.Manifest) error {
	var all []narrative.Manifest
	for _, source := range sourcesOf(held) {
		all = append(all, only(held, source))
	}
	switch {
	case held.Config == nil:
	case len(all) == 1:
		all[0].Config = held.Config
	default:
		all = append(all, narrative.Manifest{Source: "config.yaml", Config: held.Config})
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return misused("make the folder %s: %w", dir, err)
	}
	taken := map[string]bool{}
	for _, m := range all {
		text, err := written(m, format)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, fileName(m.Source, format, taken))
		how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
		if force {
			how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		}
		if err := writeFile(path, how, text); errors.Is(err, fs.ErrExist) {
			return failed("the file %s is there already; say --force to replace it", path)
		} else if err != nil {
			return failed("write %s: %w", path, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", path, contents(m))
	}
	return nil
}

func writeFile(path string, how int, text []byte) (err error) {
	f, err := os.OpenFile(path, how, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(text)
	return err
}

// fileName makes a file's name of a source, one that is not taken yet.
func fileName(source, format string, taken map[string]bool) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, source)
	name = strings.TrimLeft(strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml"), ".")
	if name == "" {
		name = "narrative"
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	taken[free] = true
	return free + "." + format
}
