package config

import "github.com/narrative-go/narrative"

// Setting is a key of config, as one says it without a file.
type Setting struct {
	Key     string   // with a dot where it stands in an object: admins.email
	Choices []string // all that it may be, where that is one of a few words
}

// Settings are the keys of config, in the order of docs/configuration.md.
func Settings() (all []Setting) {
	d := &decoder{}
	objects := map[string][]key{
		"admins":   d.recipientKeys(&narrative.Recipients{}),
		"digest":   d.digestKeys(&narrative.Digest{}),
		"webhooks": d.webhookKeys(&narrative.Webhooks{}),
	}
	for _, k := range d.configKeys(&narrative.Config{}) {
		if below, object := objects[k.name]; object {
			for _, in := range below {
				all = append(all, Setting{step(k.name, in.name), in.choices()})
			}
			continue
		}
		all = append(all, Setting{k.name, k.choices()})
	}
	return all
}

// choices are the words that the schema lets pass.
func (k key) choices() (words []string) {
	few, _ := k.schema["enum"].([]any)
	for _, one := range few {
		words = append(words, one.(string))
	}
	return words
}
