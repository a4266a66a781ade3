"""English: the verbs and nouns of the operations, the words that carry no meaning of their own."""

from __future__ import annotations

from typing import Final

CUES: Final[dict[str, str]] = {
    "drop": "purge|cut out|leave out|do not keep|don't keep|drop|delete|remove|get rid of|discard|exclude|throw (?:away|out)|filter out|eliminate|take out|erase|lose|strip out|leave out|omit|kick out|weed out|don't need|do not need|screen out",
    "keep": "leave only|hold on to|hang on to|stick to|focus on|keep only|keep just|only keep|just keep|keep|retain only|retain|select only|select|filter to|filter down to|filter for|filter by|filter|restrict (?:it |the data )?to|limit (?:it |the data )?to|show only|only show|show me only|show me|show|look only at|only look at|only need|only want|only|subset to|narrow down to|pick|leave only|i only want|just|find",
    "rows": "rows?|records?|respondents?|people|persons?|cases|entries|observations|lines|samples?|users?|customers?|participants?|those|data|everyone|anyone|answers|responses|ones",
    "columns": "columns?|fields?|variables?|cols?",
    "dedupe": "dedupe|de-duplicate|deduplicate|de-dupe|dedup",
    "duplicate": "duplicated?(?: rows| records| entries| cases| values| responses)?|duplicates|repeated(?: rows| records| entries| values)?|repeats",
    "mark": "highlight|mark|flag|tag|highlight|label",
    "missing": "missing(?: values?| data| cells?| answers?| entries)?|empty(?: cells?| values?)?|blanks?(?: cells?| values?)?|nulls?(?: values?)?|na values?|gaps|not filled in|unanswered|no values?|has no value|have no value|nothing in",
    "missing_as": "(?:to be |are |is )?(?:as |to |into |mean |means |count as |counts as |be |a )*(?:missing(?: values?| codes?| data)?|not answered|no answer|refused|don't know|not applicable|non-?response)",
    "fill": "fill in|fill up|fill|impute|replace|substitute|complete|populate|plug",
    "replace": "replace|change|substitute|swap|turn|correct|rewrite|convert|fix",
    "merge": "merge|combine|group together|group|collapse|lump together|lump|unify|treat|consolidate|fold",
    "set": "set|make|change|assign|put|turn|overwrite",
    "empty": "empty|missing|null|blank|na|none|nothing|n/a",
    "clear": "blank|clear|blank out|blank|null out|wipe|empty out|empty",
    "recode": "recode|re-code|map|code|encode|remap",
    "reverse": "reverse[- ]?(?:code|score|the (?:coding|scoring|scale) of|scale|scored|coded)?|invert|flip",
    "trim": "trim|strip|clean up|remove|delete|get rid of|drop|squeeze",
    "spaces": "(?:(?:the )?(?:leading|trailing|extra|surrounding|double|stray|unnecessary|redundant|and|white ?space|outer) ?){0,5}(?:white ?spaces?|spaces|blanks at the ends|padding)",
    "upper": "upper ?-?case|uppercase|all caps|capitals|capital letters", "lower": "lower ?-?case|lowercase|small letters", "title": "title ?-?case|proper case|capitali[sz]e(?: each word| every word| the words)?|capitali[sz]ed",
    "extract": "extract|pull out|pull|parse out|parse|get|grab|pick out|take",
    "number": "numbers?|digits?|numeric part|amounts?|figures?", "phone": "(?:mobile |cell )?phone(?: numbers?)?|telephone(?: numbers?)?|mobiles?(?: numbers?)?", "email": "e-?mail(?: address(?:es)?)?s?",
    "chinese": "chinese(?: characters?| text| part)?", "letters": "(?:english )?letters|latin (?:letters|text)",
    "standardize": "standardi[sz]e|normali[sz]e|unify|harmoni[sz]e|make consistent|convert|bring|put|make|reformat|format",
    "region_words": "city names?|province names?|region names?|place names?|county names?|cities|city|provinces?|regions?|counties|county|district names?|names?|spellings?|places?|locations?",
    "province": "provinces?(?: level| names?)?", "city": "cit(?:y|ies)(?: level| names?)?", "county": "count(?:y|ies)(?: level| names?)?|districts?",
    "short": "short(?: city| province| county| region)? (?:names?|forms?)|abbreviated", "full": "full (?:official )?(?:names?|forms?)|official names?|long (?:names?|forms?)",
    "date_words": "date formats?|dates?|formats?|iso(?: format| dates?)?|one format|same format|single format|yyyy-mm-dd|style|times?",
    "day_first": "day[ -]first|day before month|dd/mm/yyyy|dd/mm|dmy|european", "month_first": "month[ -]first|month before day|mm/dd/yyyy|mm/dd|mdy|american|us style",
    "outliers": "outliers?|extreme values?|extremes|anomal(?:y|ies)|abnormal values?|implausible values?", "iqr": "iqr|interquartile(?: range)?|box ?plot(?: rule)?|tukey",
    "mad": "mad|median absolute deviation", "zscore": "z-?scores?|(?:[0-9.]+|two|three) (?:standard deviations?|sds?|sigmas?)|standard deviations?|sigma",
    "clip": "floor|clip|cap|winsori[sz]e|clamp|truncate|limit", "flagword": "flag|mark|tag",
    "bin": "bin|bands?|bucket|group|cut|categori[sz]e|split|divide|bracket|discreti[sz]e|break",
    "rename": "rename|call|change the name of|name", "first": "(?:very )?first|front|beginning|start|far left|leftmost|top", "last": "last|end|back|far right|rightmost|bottom",
    "before": "before|in front of|(?:to the )?left of|ahead of", "after": "after|behind|(?:to the )?right of|right after|next to", "move": "get|send|take|move|put|place|shift|bring|reorder|position|relocate|should (?:come|go|be)",
    "add": "add|create|make|compute|calculate|derive|generate|build|work out|introduce|define|get|insert|new", "newcol": "(?:an? )?(?:new |extra |another )?(?:column|field|variable)s?", "named": "called|named|name it|call it|as|into|store (?:it )?(?:in|as)|save (?:it )?(?:in|as)|to",
    "split": "split|separate|break up|break|divide|explode", "join": "merge|combine|concatenate|concat|join|glue|paste together", "separator": "by|on|at|with|using|separated by|delimiter|joined by|with a",
    "cast": "make|convert|cast|change|turn|make|parse|coerce|treat|transform|set", "t_text": "text|strings?|characters?", "t_integer": "integers?|whole numbers?|ints?", "t_number": "numbers?|numeric|floats?|decimals?|numerical", "t_date": "dates?",
    "t_datetime": "date ?times?|timestamps?", "t_boolean": "booleans?|bool|true/false|yes/no", "type": "type|format|values?",
    "sort": "sort|order|arrange|rank|sorted", "desc": "descending(?: order)?|desc|highest first|largest first|biggest first|newest first|latest first|most recent first|from (?:high|highest) to (?:low|lowest)|high to low|largest to smallest|from (?:large|largest|big|biggest) to (?:small|smallest)|oldest to youngest|decreasing(?: order)?|reverse order|z to a|oldest first|from newest to oldest|best first|top first",
    "asc": "ascending(?: order)?|asc|lowest first|smallest first|earliest first|from (?:low|lowest) to (?:high|highest)|low to high|smallest to largest|from (?:small|smallest) to (?:large|largest)|increasing(?: order)?|a to z|youngest first|youngest to oldest|from oldest to newest",
    "keep_first": "(?:the )?first one stays|keep(?:ing)? (?:only )?(?:the )?(?:first|earliest|oldest)(?: one| row| record| entry| occurrence)?(?: of each)?|only the first(?: one| row| record| entry)?|first one wins|the first one stays", "keep_last": "(?:and )?the (?:latest|last|most recent|newest) (?:one|row|record)|keep(?:ing)? (?:only )?(?:the )?(?:last|latest|newest|most recent)(?: one| row| record| entry| occurrence)?(?: of each)?|only the last(?: one| row| record| entry)?|last one wins|the last one stays",
    "keep_none": "keep(?:ing)? none(?: of them)?|drop all of them|remove all of them|keep no copies|all copies", "keep_complete": "keep(?:ing)? (?:the )?most complete(?: one| row| record)?|keep(?:ing)? the fullest(?: one| row)?|the one with fewest missing",
    "whole": "exact|fully identical|completely identical|identical|entire|whole|complete",
    "mean": "mean|average|avg|means|averages", "sum": "sum|total|totals|sums", "min": "minimum|min|lowest|smallest", "max": "maximum|max|highest|largest", "median": "median|medians", "sd": "standard deviations?|sd|std(?: dev)?|stdev",
    "mode": "mode|most (?:common|frequent)(?: value| answer)?", "count": "how many(?: rows| people| respondents| records| users| customers)?|number of (?:rows|people|respondents|records|users|customers|answers|responses|cases)|counts?|sample size|row count|head ?count",
    "distinct": "(?:number of )?(?:distinct|unique|different)(?: values?)?(?: count)?|how many (?:distinct|unique|different)(?: values)?", "share": "shares?|percentages?|proportions?|percent|%", "top2box": "top[- ]?(?:2|two)[- ]?box(?: scores?)?|t2b", "nps": "nps|net promoter score",
    "group": "by|per|for each|for every|across|in each|grouped by|each|broken down by|split by|within each|within", "crosstab": "cross[- ]?tab(?:ulate|ulation)?s?|cross tabulate|contingency table|banner table|cross", "nested": "nested|nest",
    "freq": "frequenc(?:y|ies)(?: table| distribution| counts)?|distribution|value counts|counts? of each (?:value|answer|category)|counts? (?:by|per) (?:value|category)|breakdown|how often|tabulate|tally",
    "describe": "spread|range|describe|summari[sz]e|summary(?: statistics| stats)?|descriptives?(?: statistics| stats)?|overview|basic stat(?:istic)?s|statistics|stats|profile",
    "stat": "what is|what's|what are|what was|show me|show|give me|compute|calculate|get|tell me|find|display|report|count|list|how does|how is|run|make|create|see|how",
    "weight": "weighted(?: by| with| using)?|weights?(?: by| with)?|using weights?|apply(?:ing)? weights?", "forward": "forward[ -]fill(?:ing)?|ffill|fill(?:ing)? down|carry(?:ing)?(?: the)? (?:last|previous) (?:value|observation)s? forward|previous (?:value|row)s?|last (?:known |seen )?value|value above|values above|downwards?",
    "backward": "back(?:ward)?[ -]?fill(?:ing)?|bfill|fill(?:ing)? up|next (?:value|row)s?|values? below|upwards?", "any": "any|some|with any|at least one|one or more", "all": "all|every|completely|entirely",
    "bare": "handle|process|clean up|clean|deal with|take care of|sort out|fix up|fix|tidy up|tidy|do something about|work on|improve|treat|cleanse",
    "label": "(?:the )?label (?:of|for)|labell?ed|label", "valuelabel": "means|stands for|represents|denotes|=|is labell?ed|label", "scale": "scale", "not": "don't|do not|never|not",
}  # fmt: skip

STOP: Final = (
    "please|kindly|the|a|an|of|in|all|any|both|columns?|fields?|variables?|values?|rows?|records?|cells?|data|table|dataset|file|me|my|we|our|i|i'd|would|like|want|need|to|can|could|you|for|"
    "that|which|who|those|these|this|it|its|their|them|so|just|now|then|and|also|from|with|are|is|be|was|were|has|have|do|does|should|will|let's|let|us|as|at|on|into|there|where|every|each|up|out|whole|entire|"
    "ok|okay|yes|sure|good|go ahead|well|only|next|finally|first of all|same|using|based|column's|if|when|whose|having|how|entries|given|here|everything|'s|respectively|if possible|again|respondents?|people|new|one|ones|by the way|results?"
)
