#include "daemon/images/templates/template.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/worker_pool.h"
#include "schema/error.h"

namespace images::templates {

namespace {

using testing::HasSubstr;

/// As LXD's daemon gives them.
std::map<std::string, Value> variables() {
    const std::map<std::string, std::string> config{
        {"user.a", "alpha"}, {"user.list", "a,b,c"}, {"user.lines", "one\ntwo"}, {"plain", "p"}};
    const std::map<std::string, std::string> container{{"name", "c1"},
                                                       {"type", "container"},
                                                       {"architecture", "x86_64"},
                                                       {"ephemeral", "false"},
                                                       {"privileged", "false"}};
    const Value root(std::map<std::string, std::string>{{"path", "/"}, {"type", "disk"}});
    return {{"trigger", "start"},
            {"path", "/etc/hostname"},
            {"container", container},
            {"config", config},
            {"devices", Value::Map{{"root", root}}},
            {"properties", std::map<std::string, std::string>{{"p", "prop"}, {"q", "1"}}},
            {"numbers", Value::List{int64_t{3}, int64_t{1}, int64_t{2}}},
            {"config_get", Value::Function([config](const Value::List& arguments) -> Value {
                 const auto found = config.find(arguments.at(0).text());
                 return found == config.end() ? arguments.at(1) : Value(found->second);
             })}};
}

std::string rendered(std::string_view source) {
    return render(source, variables());
}

std::string error_of(std::string_view source, const Limits& limits = {}) {
    try {
        return "no error: " + render(source, variables(), limits);
    } catch (const schema::Error& error) {
        return error.what();
    }
}

struct Row {
    std::string_view source;
    std::string_view printed;
};

// The results are those of LXD 5.0.2.
TEST(Template, ExpressionsAreWorkedOutAsLxdDoes) {
    for (const auto& [source, printed] : std::vector<Row>{
             {"{{ 1.5 }}|{{ 3 }}|{{ true }}|{{ false }}|{{ nope }}|{{ nope.foo }}", "1.500000|3|True|False||"},
             {"{{ config }}", "<map[string]string Value>"},
             {"{{ 7/2 }} {{ 7.0/2 }} {{ 7%3 }} {{ 2^3 }} {{ 2+3*4 }} {{ (2+3)*4 }} {{ -3 }} {{ 1-2 }}",
              "3 3.500000 1 8.000000 14 20 -3 -1"},
             {"{{ \"a\" + \"b\" }} {{ \"1\" + 1 }} {{ 1 + \"1\" }}", "0 2 2"},
             {"{{ \"1\" == 1 }} {{ 1 == 1.0 }} {{ \"a\" == 'a' }} {{ 1 <> 2 }} {{ 1 != 2 }}",
              "False False True True True"},
             {"{{ \"a\" < \"b\" }} {{ 2 > 1 }} {{ 2 >= 2 }} {{ \"10\" > \"9\" }}", "False True True True"},
             {"{{ not true }} {{ !false }} {{ not 1 == 2 }}", "False True False"},
             {"{{ \"a\" in \"abc\" }} {{ \"name\" in container }} {{ \"zzz\" in config }}", "True True False"},
             {"{{ true and false }} {{ true && true }} {{ false || true }} {{ false or false }} {{ 1 and 2 }}",
              "False True True False True"},
             {"{{ path }} {{ properties.p }} {{ container.name }} {{ config.plain }}", "/etc/hostname prop c1 p"},
             {"{{ config_get(\"user.a\", \"x\") }} {{ config_get(\"no\", \"dflt\") }} {{ config_get(\"no\", 3) }}",
              "alpha dflt 3"},
         })
        EXPECT_EQ(rendered(source), printed) << source;
}

TEST(Template, TagsDoWhatLxdsDo) {
    for (const auto& [source, printed] : std::vector<Row>{
             {"{% if trigger == \"start\" %}yes{% else %}no{% endif %}", "yes"},
             {"{% if nope %}a{% elif config_get(\"no\", \"\") == \"\" %}b{% else %}c{% endif %}", "b"},
             {"{%- if true -%}  x  {%- endif -%}", "x"},
             {"a   {{- \"x\" -}}   b", "axb"},
             {"{# comment #}x{% comment %}{{ hidden }}{% nonsense %}{% endcomment %}y", "xy"},
             {"{% verbatim %}{{ x }}{% endverbatim %}", "{{ x }}"},
             {"{% for k, v in container sorted %}{{ forloop.Counter }}:{{ k }}={{ v }}{% if not forloop.Last %},{% "
              "endif "
              "%}{% endfor %}",
              "1:architecture=x86_64,2:ephemeral=false,3:name=c1,4:privileged=false,5:type=container"},
             {"{% for k in properties reversed sorted %}{{ k }} {{forloop.Counter0}} {{forloop.Revcounter}} "
              "{{forloop.Revcounter0}} {{forloop.First}}{% endfor %}",
              "q 0 2 1 Truep 1 1 0 False"},
             {"{% for n in numbers sorted %}{{ n }}{% endfor %}{% for n in numbers reversed %}{{ n }}{% endfor %}",
              "123213"},
             {"{% for k in nope %}x{% empty %}empty{% endfor %}", "empty"},
             {"{% for c in config_get(\"user.list\",\"\")|split:\",\" %}[{{ c }}]{% endfor %}", "[a][b][c]"},
             {"{% for k, v in devices %}{{ k }}:{{ v.type }} {{ v.path }}{% endfor %}", "root:disk /"},
             {"{% set a = \"v\" %}{{ a }} {% with b=\"w\" c=2 %}{{ b }}{{ c }}{% endwith %}[{{ b }}] {% with \"q\" as "
              "d "
              "%}{{ d }}{% endwith %}",
              "v w2[] q"},
             {"{% firstof nope \"\" \"third\" %} {% ifequal 1 1 %}eq{% else %}ne{% endifequal %} {% ifnotequal 1 2 "
              "%}ne{% endifnotequal %}",
              "third eq ne"},
             {"{% for i in \"abc\" %}{% cycle \"x\" \"y\" %}{% endfor %} {% filter upper %}low{% endfilter %} {% "
              "templatetag openblock %}",
              "xyx LOW {%"},
             {"{% for i in \"aab\" %}{% ifchanged i %}{{ i }}{% else %}-{% endifchanged %}{% endfor %}", "a-b"},
             {"{% spaceless %}<a>  <b> x </b>  </a>{% endspaceless %} {% widthratio 5 10 100 %}",
              "<a><b> x </b></a> 51"},
             {"{% autoescape on %}{{ \"<a>\" }}{{ \"<b>\"|safe }}{% endautoescape %}{{ \"<c>\" }}", "&lt;a&gt;<b><c>"},
             {"{% block x %}inside{% endblock %}", "inside"},
             {"{% macro hi(n) %}hello {{ n }}{% endmacro %}{{ hi(\"bob\") }}", "hello bob"},
             {"one\n{% if true %}\ntwo\n{% endif %}\nthree\n", "one\n\ntwo\n\nthree\n"},
         })
        EXPECT_EQ(rendered(source), printed) << source;
}

TEST(Template, FiltersGiveWhatLxdsGive) {
    for (const auto& [source, printed] : std::vector<Row>{
             {"{{ config_get(\"user.a\", \"x\")|upper|lower|title|capfirst }}", "Alpha"},
             {"{{ \"a b c\"|split:\" \"|join:\"-\" }} {{ \"abc\"|length }} {{ \"abc\"|first }} {{ \"abc\"|last }}",
              "a-b-c 3 a c"},
             {"{{ nope|default:\"d\" }} {{ \"\"|default:\"d\" }} {{ 0|default:\"d\" }} {{ nope|default_if_none:\"n\" "
              "}}",
              "d d d n"},
             {"{{ \"x\"|ljust:5 }}|{{ \"x\"|rjust:5 }}|{{ \"x\"|center:5 }}|{{ \"xy\"|center:5 }}|",
              "x    |    x|  x  |  xy |"},
             {"{{ \"abcdef\"|slice:\"1:3\" }} {{ \"abcdef\"|slice:\":3\" }} {{ \"abcdef\"|slice:\"2:\" }}",
              "bc abc cdef"},
             {"{{ \"a b  c\"|cut:\" \" }} {{ \"it's\"|addslashes }} {{ \"<a>\"|escape }} {{ \"<a>\"|safe }}",
              "abc it\\'s &lt;a&gt; <a>"},
             {"{{ 5|add:3 }} {{ \"5\"|add:3 }} {{ \"a\"|add:\"b\" }} {{ 5|add:\"x\" }} {{ 1.5|add:1 }}",
              "8 53 ab 5x 2.500000"},
             {"{{ 10|divisibleby:5 }} {{ 34.23234|floatformat }} {{ 34.00000|floatformat }} {{ 34.26|floatformat:3 }} "
              "{{ 34|floatformat:2 }} {{ 34.0|floatformat:\"-3\" }}",
              "True 34.2 34 34.260 34.00 34"},
             {"{{ 123456789|get_digit:2 }} {{ \"a b c\"|wordcount }} {{ \"abc\"|length_is:3 }} {{ \"a\"|make_list }} "
              "{{ \"abc\"|make_list|join:\",\" }}",
              "8 3 True <[]string Value> a,b,c"},
             {"{{ 1|pluralize }}{{ 2|pluralize }} {{ 2|pluralize:\"es\" }} {{ 1|pluralize:\"y,ies\" }} "
              "{{ 2|pluralize:\"y,ies\" }}",
              "s es y ies"},
             {"{{ true|yesno }} {{ false|yesno }} {{ nope|yesno }} {{ true|yesno:\"j,n\" }} {{ nope|yesno:\"j,n,m\" }}",
              "yes no maybe j m"},
             {"{{ \"one two three four\"|truncatewords:2 }} {{ \"one two three\"|truncatechars:6 }}",
              "one two ... one..."},
             {"{{ \"a/b c?d\"|urlencode }} {{ \"a/b c?d\"|iriencode }} {{ \"x<b>y</b>\"|striptags }} "
              "{{ \"<b>y</b>z\"|removetags:\"b\" }}",
              "a%2Fb+c%3Fd a/b+c?d xy yz"},
             {"{{ config_get(\"user.lines\", 0)|linebreaksbr }} {{ \"5\"|integer }} {{ \"5.5\"|float }} "
              "{{ 5|stringformat:\"%05d\" }} {{ \"x\"|stringformat:\"[%s]\" }}",
              "one<br />two 5 5.500000 00005 [x]"},
             {"{{ \"one two three four\"|wordwrap:2 }}", "one two\nthree four"},
             {"{{ \"straße ÄÖ\"|upper }} {{ \"ÄÖ\"|lower }} {{ \"äb\"|capfirst }} {{ \"äöü\"|length }}",
              "STRAßE ÄÖ äö Äb 3"},
         })
        EXPECT_EQ(rendered(source), printed) << source;
}

TEST(Template, WhatIsWrongIsNamedWithItsLine) {
    for (const auto& [source, message] : std::vector<Row>{
             {"\n\n{% if %}", "Line 3: Expected a value"},
             {"{% if true %}", "expected endif"},
             {"{{ x", "Missing }}"},
             {"{% nonsense %}", "Tag 'nonsense' not found"},
             {"{% endif %}", "Tag 'endif' not found"},
             {"{{ 1|e }}", "Filter 'e' does not exist"},
             {"{{ \"a\\n\" }}", "Unknown escape sequence"},
             {"{{ 1/0 }}", "Division by zero"},
             {"{# a\n #}", "Newline not permitted"},
             {"{{ container.name.first }}", "Can't access a field by name"},
             {"{{ container() }}", "no function"},
             {"{{ 99999999999999999999 }}", "too large"},
             {"{{ 1 2 }}", "Expected }}"},
             {"{% for a b c %}{% endfor %}", "Expected keyword 'in'"},
             {"{{ \"a\"|pluralize }}", "Filter 'pluralize'"},
         })
        EXPECT_THAT(error_of(source), HasSubstr(message)) << source;
}

TEST(Template, TagsThatReadOtherFilesAreRefused) {
    for (const auto* tag : {"extends", "import", "include", "ssi"})
        EXPECT_EQ(error_of(std::string("{% ") + tag + " \"/etc/shadow\" %}"),
                  std::string("Line 1: Usage of tag '") + tag + "' is not allowed");
}

TEST(Template, WhatItTakesIsBounded) {
    std::string nested_ifs;
    for (int depth = 0; depth < 5000; ++depth) nested_ifs += "{% if true %}";
    EXPECT_THAT(error_of(nested_ifs), HasSubstr("Nested deeper than"));
    EXPECT_THAT(error_of("{{ " + std::string(5000, '(') + "1 }}"), HasSubstr("Nested deeper than"));

    const std::string thousand = "{% set s = \"x\"|ljust:1000 %}";
    const std::string loop = "{% for a in s %}";
    EXPECT_THAT(error_of(thousand + loop + loop + "{{ a }}{% endfor %}{% endfor %}", {.steps = 50'000}),
                HasSubstr("steps"));
    EXPECT_THAT(error_of(thousand + loop + loop + "{{ s }}{% endfor %}{% endfor %}"), HasSubstr("prints more than"));
    EXPECT_THAT(error_of("{{ \"x\"|center:99999999999 }}"), HasSubstr("too large"));
    EXPECT_THAT(error_of("{{ 1.5|floatformat:999999999 }}"), HasSubstr("decimals"));
    EXPECT_THAT(error_of("{{ 5|stringformat:\"%99999999d\" }}"), HasSubstr("too large"));
    EXPECT_THAT(error_of(thousand + loop + "{% set s = s|add:s %}{% endfor %}"), HasSubstr("longer than"));
    EXPECT_THAT(error_of("{% set l = \"x\"|ljust:4000000 %}{% for a in l %}{% endfor %}"), HasSubstr("turns"));
    EXPECT_THAT(error_of("{% set l = \"x\"|ljust:4000000 %}" + loop + "{% endfor %}{{ l|make_list }}"),
                HasSubstr("longer than"));
    EXPECT_THAT(
        error_of("{% set l = \"x\"|ljust:4000000 %}{% for a in \"x\"|ljust:99 %}{% set b = l|length %}{% endfor %}"),
        HasSubstr("handles more than"));
    EXPECT_THAT(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), HasSubstr("too deeply"));
    EXPECT_THAT(error_of(std::string(2U << 20U, 'x')), HasSubstr("larger than"));
    EXPECT_THAT(error_of("{{ " + std::string(300, 'x') + " }}"), HasSubstr("name is longer"));
    EXPECT_THAT(error_of("{{ \"x\"|removetags:\"" + std::string(100, ',') + "\" }}"), HasSubstr("tags"));
}

std::string repeated(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

/// On a thread of the daemon's, with the stack that it has.
std::string error_in_daemon(const std::string& source) {
    std::string error;
    {
        base::WorkerPool(1).run([&] { error = error_of(source); });
    }
    return error;
}

TEST(Template, LongSumsAreNoDeeperThanOthers) {
    EXPECT_EQ(rendered("{{ 1" + repeated("+1", 50) + " }}"), "51");
    for (const auto* part : {"+1", "*1", " and 1", " == 1", "^1"})
        EXPECT_THAT(error_in_daemon("{{ 1" + repeated(part, 100'000) + " }}"), HasSubstr("Nested deeper than")) << part;
}

TEST(Template, MacrosWithinTagsWithinMacrosFitTheStack) {
    std::string source;
    for (int level = 0; level < 15; ++level) {
        const auto next = level == 0 ? std::string("{{ 1") + repeated("+1", 90) + " }}"
                                     : "{{ m" + std::to_string(level - 1) + "() }}";
        source += "{% macro m" + std::to_string(level) + "() %}" + repeated("{% for a in \"x\" %}", 90) + next +
                  repeated("{% endfor %}", 90) + "{% endmacro %}";
    }
    EXPECT_THAT(error_in_daemon(source + "{{ m1() }}"), HasSubstr("no error"));
    EXPECT_THAT(error_in_daemon(source + "{{ m14() }}"), HasSubstr("Nested deeper than 300"));
}

TEST(Template, TextsThatNearlyMatchEverywhereTakeNoTime) {
    const auto start = std::chrono::steady_clock::now();
    const auto texts =
        "{% set a = \"" + repeated("a", 400'000) + "\" %}{% set b = \"" + repeated("a", 200'000) + "b\" %}";
    EXPECT_THAT(error_of(texts + "{% if b in a %}{% endif %}{{ a|cut:b|length }}{{ a|split:b|length }}"),
                "no error: 4000001");
    EXPECT_THAT(error_of(repeated("{##}", 200'000)), "no error: ");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Template, ListsAreWeighed) {
    const std::string list = "{% set l = \"x\"|ljust:90000|make_list %}";
    std::string kept;
    for (int i = 0; i < 1000; ++i) kept += "{% set l" + std::to_string(i) + " = \"x\"|ljust:90000|make_list %}";
    EXPECT_THAT(error_of(kept), HasSubstr("handles more than"));
    EXPECT_THAT(error_of(list + "{% for a in \"x\"|ljust:1000 %}{% if \"y\" in l %}{% endif %}{% endfor %}"),
                HasSubstr("handles more than"));
    EXPECT_THAT(error_of(list + repeated("{% for a in l %}", 50) + repeated("{% endfor %}", 50)),
                HasSubstr("handles more than"));
}

TEST(Template, NumbersOutOfRangeAreNoTrouble) {
    EXPECT_THAT(error_of("{% set least = 0 - 9223372036854775807 - 1 %}{{ 1|floatformat:least }}"),
                HasSubstr("decimals"));
    EXPECT_EQ(rendered("{% set huge = 10^400 %}{% widthratio huge huge huge %}"), "0");
}

} // namespace

} // namespace images::templates
