package cli

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

const configPath = "/api/v1/config"

func (p *program) configCommand() *cobra.Command {
	const short = "Show the configuration that lives in the store"
	show := func(c *cobra.Command) *cobra.Command {
		var out output
		out.flags(c.Flags())
		c.RunE = p.does(func(cmd *cobra.Command, _ []string) error { return p.showConfig(cmd, &out) })
		return c
	}
	c := show(&cobra.Command{Use: "config", Short: short + ", or change it", Args: noSuchCommand})
	c.AddCommand(show(&cobra.Command{Use: "show", Short: short, Args: takes()}), p.configSetCommand())
	return c
}

func (p *program) showConfig(cmd *cobra.Command, out *output) error {
	r, err := p.ask(cmd, out, configPath, nil)
	if err != nil {
		return err
	}
	return out.print(cmd, r, func(w io.Writer) error {
		var c narrative.Config
		if err := r.into(&c); err != nil {
			return err
		}
		return printConfig(w, c)
	})
}

// printConfig prints every setting, those that were never set with what holds then.
func printConfig(w io.Writer, c narrative.Config) error {
	c.Digest = c.Digest.OrDefault()
	if c.Webhooks.PrivateAddresses == "" {
		c.Webhooks.PrivateAddresses = narrative.PrivateAllow
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, s := range config.Settings() {
		rows = append(rows, []string{s.Key, setting(encoded, s.Key)})
	}
	return tabulate(w, []string{"KEY", "VALUE"}, rows)
}

// setting is the value of a dotted key of a JSON object, as a person reads it.
func setting(object json.RawMessage, key string) string {
	for _, name := range strings.Split(key, ".") {
		var members map[string]json.RawMessage
		if json.Unmarshal(object, &members) != nil {
			return shown(nil)
		}
		object = members[name]
	}
	var texts []string
	if json.Unmarshal(object, &texts) == nil && !slices.Contains(texts, "") {
		if len(texts) == 0 {
			return shown(nil)
		}
		return strings.Join(texts, ", ")
	}
	return shown(object)
}

func (p *program) configSetCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use: "set KEY=VALUE…", Short: "Change settings; what is not named stays as it is",
		Long: "Change settings, all or nothing; what is not named stays as it is. KEY has a dot where it stands in an object. VALUE\n" +
			"is a word, a number, or a list or an object in YAML or JSON; null takes KEY back to its default. Where somebody else\n" +
			"changes the configuration at the same moment, nothing is changed.",
		Example: "  narrative config set minimum_datum_log_level=warn admins.email='[ops@example.com]' 'admins.slack=#ops'\n" +
			"  narrative config set renotify='[1h, 4h]' actions=null",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return takes("KEY=VALUE")(cmd, args)
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return settingsFor(args, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
	}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		patch, err := patchOf(args)
		if err != nil {
			return err
		}
		before, after, err := p.patchConfig(cmd, patch)
		if err != nil {
			return err
		}
		return out.print(cmd, after, func(w io.Writer) error { return printChanged(w, before, after) })
	})
	return c
}

// patchConfig has the API change the configuration, unless it is another by then.
func (p *program) patchConfig(cmd *cobra.Command, patch map[string]any) (before, after reply, err error) {
	client, err := p.client()
	if err != nil {
		return before, after, err
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return before, after, misused("encode the settings: %w", err)
	}
	if before, err = client.get(cmd.Context(), configPath, nil); err != nil {
		return before, after, err
	}
	header := []string{"Content-Type", "application/merge-patch+json"}
	if etag := before.header.Get("ETag"); etag != "" {
		header = append(header, "If-Match", etag)
	}
	after, err = client.send(cmd.Context(), http.MethodPatch, configPath, body, header...)
	var document *problem
	if errors.As(err, &document) && document.Status == http.StatusPreconditionFailed {
		err = failed("somebody else has changed the configuration just now, so nothing was changed; look at it with %s config, and set it again", p.name())
	}
	return before, after, err
}

// printChanged prints the settings that are not what they were.
func printChanged(w io.Writer, before, after reply) error {
	fields, err := narrative.Compare(before.body, after.body)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		_, err := io.WriteString(w, "nothing to do\n")
		return err
	}
	return printDifferences(w, []narrative.Difference{{Path: "config", Change: narrative.ChangeChanged, Fields: fields}})
}

// patchOf is the merge patch that the arguments KEY=VALUE ask for.
func patchOf(args []string) (map[string]any, error) {
	patch := map[string]any{}
	for _, arg := range args {
		key, text, found := strings.Cut(arg, "=")
		path := strings.Split(key, ".")
		if !found || slices.Contains(path, "") {
			return nil, misused("%q is no KEY=VALUE, such as actions=approve or admins.email=[ops@example.com]", arg)
		}
		value, err := valueOf(text)
		if err != nil {
			return nil, misused("%s: %w", key, err)
		}
		if !put(patch, path, value) {
			return nil, misused("%s is given twice", key)
		}
	}
	return patch, nil
}

// put sets what stands at a path of an object; false where something does already.
func put(object map[string]any, path []string, value any) bool {
	held, taken := object[path[0]]
	if len(path) == 1 {
		object[path[0]] = value
		return !taken
	}
	below, is := held.(map[string]any)
	if !taken {
		below, is = map[string]any{}, true
		object[path[0]] = below
	}
	return is && put(below, path[1:], value)
}

// valueOf reads a value: JSON as it is, what begins as a list, an object or a quoted text as YAML, and all else as text.
func valueOf(text string) (any, error) {
	switch {
	case text == "":
		return nil, errors.New("it has no value; null takes it back to its default")
	case json.Valid([]byte(text)):
		return json.RawMessage(text), nil
	case strings.ContainsAny(text[:1], `[{"'`):
		value, err := config.ToJSON([]byte(text))
		if err != nil {
			return nil, errors.New(text + ` is no list, object or text in YAML; what has a "#" or a ":" in it needs quotes there`)
		}
		return value, nil
	}
	return text, nil
}

// settingsFor are the keys that were not set yet, and after a key what it may be.
func settingsFor(args []string, begun string) (all []string) {
	for _, s := range config.Settings() {
		offered := []string{s.Key + "="}
		if strings.HasPrefix(begun, s.Key+"=") {
			offered = nil
			for _, choice := range append(choices(s), "null") {
				offered = append(offered, s.Key+"="+choice)
			}
		}
		for _, one := range offered {
			given := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, s.Key+"=") })
			if strings.HasPrefix(one, begun) && !given {
				all = append(all, one)
			}
		}
	}
	return all
}

// choices are the words that a setting may be; levels are taken in any case, so that a file's schema lists none.
func choices(s config.Setting) []string {
	if s.Key == "minimum_datum_log_level" {
		return texts(narrative.Levels)
	}
	return s.Choices
}
