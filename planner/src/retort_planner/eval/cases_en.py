"""Own phrasings in English: operation -> (words, parameters that must come out)."""

from __future__ import annotations

from typing import Final

from retort_planner.eval.cases_zh import Expected, add, between, cmp, eq

_BANDS: Final = [{"low": 18, "high": 25}, {"low": 25, "high": 35}, {"low": 35, "high": None}]

CASES: Final[dict[str, list[tuple[str, Expected]]]] = {
    "select_columns": [
        ("keep only the columns user_id, age and city", {"columns": ["user_id", "age", "city"]}),
        ("I only want name and email", {"columns": ["name", "email"]}),
        ("drop everything except user_id and score", {"columns": ["user_id", "score"]}),
        ("select reading to english", {"columns": ["reading", "math", "english"]}),
        ("retain just gender and education please", {"columns": ["gender", "education"]}),
    ],
    "drop_columns": [
        ("drop the notes column", {"columns": ["notes"]}),
        ("please remove comment and notes", {"columns": ["comment", "notes"]}),
        ("get rid of the email field", {"columns": ["email"]}),
        ("delete columns name, email and notes", {"columns": ["name", "email", "notes"]}),
        ("I don't need the channels column", {"columns": ["channels"]}),
        ('can you discard "notes"?', {"columns": ["notes"]}),
    ],
    "rename_columns": [
        ("rename city to location", {"mapping": [{"from": "city", "to": "location"}]}),
        ("rename column score as likelihood", {"mapping": [{"from": "score", "to": "likelihood"}]}),
        ("change the name of gender to sex", {"mapping": [{"from": "gender", "to": "sex"}]}),
        ("call the income column monthly_income", {"mapping": [{"from": "income", "to": "monthly_income"}]}),
        (
            "rename reading to r and math to m",
            {"mapping": [{"from": "reading", "to": "r"}, {"from": "math", "to": "m"}]},
        ),
    ],
    "reorder_columns": [
        ("move score to the front", {"columns": ["score"], "position": "first"}),
        ("put notes at the end", {"columns": ["notes"], "position": "last"}),
        ("move city after province", {"columns": ["city"], "position": "after", "anchor": "province"}),
        (
            "place the age column before gender",
            {"columns": ["age"], "position": "before", "anchor": "gender"},
        ),
        ("bring user_id and name to the beginning", {"columns": ["user_id", "name"], "position": "first"}),
    ],
    "derive_column": [
        ("add a column total = reading + math", {"new_name": "total", "expression": add("reading", "math")}),
        (
            "create column gap as reading minus math",
            {
                "new_name": "gap",
                "expression": {"fn": "sub", "args": [{"column": "reading"}, {"column": "math"}]},
            },
        ),
        (
            "compute the average of reading, math and english as mean_mark",
            {
                "new_name": "mean_mark",
                "expression": {"fn": "mean", "args": [{"column": n} for n in ("reading", "math", "english")]},
            },
        ),
        (
            "add a new column yearly equal to income * 12",
            {
                "new_name": "yearly",
                "expression": {"fn": "mul", "args": [{"column": "income"}, {"value": 12}]},
            },
        ),
        (
            "make a column tenure = days between start_date and end_date",
            {
                "new_name": "tenure",
                "expression": {
                    "fn": "days_between",
                    "args": [{"column": "start_date"}, {"column": "end_date"}],
                },
            },
        ),
        (
            "add a column yr with the year of submit_date",
            {"new_name": "yr", "expression": {"fn": "year", "args": [{"column": "submit_date"}]}},
        ),
    ],
    "conditional_column": [
        (
            "add column adult: if age >= 18 then yes else no",
            {
                "new_name": "adult",
                "cases": [{"where": cmp("age", "ge", 18), "value": "yes"}],
                "otherwise": "no",
            },
        ),
        (
            "create a column segment: promoter if score is at least 9, passive if score between 7 and 8, otherwise detractor",
            {
                "new_name": "segment",
                "cases": [
                    {"where": cmp("score", "ge", 9), "value": "promoter"},
                    {"where": between("score", 7, 8), "value": "passive"},
                ],
                "otherwise": "detractor",
            },
        ),
        (
            'add a column rich = "high" when income is over 20000, "low" otherwise',
            {
                "new_name": "rich",
                "cases": [{"where": cmp("income", "gt", 20000), "value": "high"}],
                "otherwise": "low",
            },
        ),
        (
            "make column region: if city is Guangzhou then South, if city is Chengdu then West, else Other",
            {
                "new_name": "region",
                "cases": [
                    {"where": eq("city", "Guangzhou"), "value": "South"},
                    {"where": eq("city", "Chengdu"), "value": "West"},
                ],
                "otherwise": "Other",
            },
        ),
        (
            "add a new column grade: A if math is 90 or more, B if math is 60 or more, otherwise C",
            {
                "new_name": "grade",
                "cases": [
                    {"where": cmp("math", "ge", 90), "value": "A"},
                    {"where": cmp("math", "ge", 60), "value": "B"},
                ],
                "otherwise": "C",
            },
        ),
    ],
    "split_column": [
        (
            "split name by space into first and last",
            {"column": "name", "separator": " ", "into": ["first", "last"]},
        ),
        (
            'split email at "@" into account and domain',
            {"column": "email", "separator": "@", "into": ["account", "domain"]},
        ),
        (
            "separate comment on comma into two columns",
            {"column": "comment", "separator": ",", "into": ["comment_1", "comment_2"]},
        ),
        (
            'break up notes by "-" into prefix and suffix and drop the original',
            {"column": "notes", "separator": "-", "into": ["prefix", "suffix"], "keep_source": False},
        ),
        (
            "split the name column using a slash into cn_name and en_name",
            {"column": "name", "separator": "/", "into": ["cn_name", "en_name"]},
        ),
    ],
    "merge_columns": [
        (
            "combine province and city into address",
            {"columns": ["province", "city"], "new_name": "address", "separator": ""},
        ),
        (
            'join province and city with "-" into area',
            {"columns": ["province", "city"], "new_name": "area", "separator": "-"},
        ),
        (
            "concatenate gender and education as tag using an underscore",
            {"columns": ["gender", "education"], "new_name": "tag", "separator": "_"},
        ),
        (
            "merge the columns name and email into contact separated by a comma",
            {"columns": ["name", "email"], "new_name": "contact", "separator": ","},
        ),
        (
            "concat province, city, education into combo with a slash",
            {"columns": ["province", "city", "education"], "new_name": "combo", "separator": "/"},
        ),
    ],
    "cast_type": [
        ("convert age to text", {"columns": ["age"], "dtype": "text"}),
        ("cast notes as a number", {"columns": ["notes"], "dtype": "number"}),
        ("turn user_id into an integer", {"columns": ["user_id"], "dtype": "integer"}),
        ("change the type of comment to date", {"columns": ["comment"], "dtype": "date"}),
        ("make score and intent strings", {"columns": ["score", "intent"], "dtype": "text"}),
    ],
    "filter_rows": [
        ("drop rows where age is over 60", {"where": cmp("age", "gt", 60), "mode": "drop"}),
        ("keep only rows where city is Guangzhou", {"where": eq("city", "Guangzhou"), "mode": "keep"}),
        ("remove respondents younger than 18 in age", {"where": cmp("age", "lt", 18), "mode": "drop"}),
        (
            "only keep people with age between 18 and 35 and gender female",
            {"where": {"all": [between("age", 18, 35), eq("gender", "female")]}, "mode": "keep"},
        ),
        (
            "keep customers whose city is Chengdu or Wuhan",
            {"where": cmp("city", "in", ["Chengdu", "Wuhan"]), "mode": "keep"},
        ),
        (
            "exclude rows where comment contains damaged",
            {"where": cmp("comment", "contains", "damaged"), "mode": "drop"},
        ),
        (
            "filter to submit_date after March 2024",
            {"where": cmp("submit_date", "gt", "2024-03-31"), "mode": "keep"},
        ),
        ("delete everyone with income below 3000", {"where": cmp("income", "lt", 3000), "mode": "drop"}),
        ("remove everyone except Shanghai", {"where": eq("city", "Shanghai"), "mode": "keep"}),
        (
            "show only rows with income of at least 3,000",
            {"where": cmp("income", "ge", 3000), "mode": "keep"},
        ),
        (
            "throw out records where score is not between 0 and 10",
            {"where": {"not": between("score", 0, 10)}, "mode": "drop"},
        ),
    ],
    "sort_rows": [
        ("sort by age descending", {"keys": [{"column": "age", "descending": True}]}),
        ("order the rows by submit_date", {"keys": [{"column": "submit_date", "descending": False}]}),
        (
            "sort by city then by score from high to low",
            {"keys": [{"column": "city", "descending": False}, {"column": "score", "descending": True}]},
        ),
        ("arrange income from largest to smallest", {"keys": [{"column": "income", "descending": True}]}),
        ("sort on user_id, ascending", {"keys": [{"column": "user_id", "descending": False}]}),
    ],
    "drop_duplicates": [
        ("remove duplicates", {"columns": [], "keep": "identical"}),
        ("dedupe by user_id and keep the first", {"columns": ["user_id"], "keep": "first"}),
        (
            "drop duplicate rows based on name and email, keep the last",
            {"columns": ["name", "email"], "keep": "last"},
        ),
        ("delete exact duplicate rows", {"columns": [], "keep": "identical"}),
        (
            "deduplicate on user_id keeping the most complete record",
            {"columns": ["user_id"], "keep": "complete"},
        ),
    ],
    "mark_duplicates": [
        ("mark duplicate user_id", {"columns": ["user_id"]}),
        ("flag duplicates by email", {"columns": ["email"]}),
        ("tag repeated records based on name", {"columns": ["name"]}),
        ("flag duplicate rows by user_id as is_dup", {"columns": ["user_id"], "new_name": "is_dup"}),
        ("highlight duplicates in name and email", {"columns": ["name", "email"]}),
    ],
    "drop_missing": [
        ("drop rows where age is missing", {"columns": ["age"]}),
        ("remove records with missing city or income", {"columns": ["city", "income"], "how": "any"}),
        ("delete rows with no value in comment", {"columns": ["comment"]}),
        ("drop rows where both age and income are missing", {"columns": ["age", "income"], "how": "all"}),
        ("exclude respondents with blank income", {"columns": ["income"]}),
        (
            "keep only rows without missing values in reading, math and english",
            {"columns": ["reading", "math", "english"], "how": "any"},
        ),
    ],
    "flag_rows": [
        ("flag rows where age is over 100", {"where": cmp("age", "gt", 100)}),
        ("mark respondents with score above 10", {"where": cmp("score", "gt", 10)}),
        (
            "tag customers whose income is below 1000 as low_income",
            {"where": cmp("income", "lt", 1000), "new_name": "low_income"},
        ),
        ("highlight records where city is empty", {"where": cmp("city", "is_missing")}),
        ("flag everyone whose satisfaction is dissatisfied", {"where": eq("satisfaction", "dissatisfied")}),
    ],
    "normalize_missing": [
        ("count 98 as missing", {"columns": ["score"], "values": [{"value": "98", "label": ""}]}),
        (
            "treat 97 and 98 as missing",
            {"columns": ["score"], "values": [{"value": "97", "label": ""}, {"value": "98", "label": ""}]},
        ),
        ("in score, -999 means missing", {"columns": ["score"]}),
        (
            "consider 99 in intent as no answer",
            {"columns": ["intent"], "values": [{"value": "99", "label": "no answer"}]},
        ),
        ("regard -5 and 199 as missing values for age", {"columns": ["age"]}),
        (
            'declare "N/A" in notes a missing value',
            {"columns": ["notes"], "values": [{"value": "N/A", "label": ""}]},
        ),
    ],
    "fill_missing": [
        ("fill missing age with the mean", {"columns": ["age"], "strategy": "mean"}),
        (
            "replace missing city with Unknown",
            {"columns": ["city"], "strategy": "constant", "value": "Unknown"},
        ),
        ("impute income with the median", {"columns": ["income"], "strategy": "median"}),
        (
            "fill missing income with the average by city",
            {"columns": ["income"], "strategy": "mean", "by": ["city"]},
        ),
        (
            'fill blanks in comment with "none"',
            {"columns": ["comment"], "strategy": "constant", "value": "none"},
        ),
        ("forward fill province", {"columns": ["province"], "strategy": "forward"}),
        (
            "fill empty cells of reading and math with 0",
            {"columns": ["reading", "math"], "strategy": "constant", "value": 0},
        ),
    ],
    "replace_values": [
        (
            "replace beijing with Beijing in city",
            {"columns": ["city"], "mapping": [{"from": "beijing", "to": "Beijing"}]},
        ),
        ("in gender, change male to M", {"columns": ["gender"], "mapping": [{"from": "male", "to": "M"}]}),
        (
            'change "bachelor" to "undergraduate" in the education column',
            {"columns": ["education"], "mapping": [{"from": "bachelor", "to": "undergraduate"}]},
        ),
        (
            'replace every occurrence of "box" with "package" in comment',
            {"columns": ["comment"], "match": "substring"},
        ),
        (
            "substitute Beijing City by Beijing",
            {"columns": ["city"], "mapping": [{"from": "Beijing City", "to": "Beijing"}]},
        ),
    ],
    "merge_values": [
        (
            "merge Beijing City and beijing into Beijing",
            {"column": "city", "groups": [{"from": ["Beijing City", "beijing"], "to": "Beijing"}]},
        ),
        (
            "combine very satisfied and satisfied into satisfied",
            {"column": "satisfaction", "groups": [{"from": ["very satisfied"], "to": "satisfied"}]},
        ),
        (
            "in education, group master and phd as postgraduate",
            {"column": "education", "groups": [{"from": ["master", "phd"], "to": "postgraduate"}]},
        ),
        (
            "lump Wuhan and Chengdu together as Other",
            {"column": "city", "groups": [{"from": ["Wuhan", "Chengdu"], "to": "Other"}]},
        ),
        (
            'collapse "neutral" and "dissatisfied" into "rest"',
            {"column": "satisfaction", "groups": [{"from": ["neutral", "dissatisfied"], "to": "rest"}]},
        ),
    ],
    "set_value": [
        (
            "set score to empty where score is greater than 10",
            {"column": "score", "where": cmp("score", "gt", 10), "value": None},
        ),
        ("set age to 0 if age is below 0", {"column": "age", "where": cmp("age", "lt", 0), "value": 0}),
        ("blank out ages above 120", {"column": "age", "where": cmp("age", "gt", 120), "value": None}),
        ("clear the notes column", {"column": "notes", "where": None, "value": None}),
        (
            "where city is Wuhan, set province to Hubei Province",
            {"column": "province", "where": eq("city", "Wuhan"), "value": "Hubei Province"},
        ),
        (
            "change all income values of at most 0 to null",
            {"column": "income", "where": cmp("income", "le", 0), "value": None},
        ),
    ],
    "recode_values": [
        (
            "recode gender: male=1, female=2",
            {"column": "gender", "mapping": [{"from": "male", "to": 1}, {"from": "female", "to": 2}]},
        ),
        (
            "recode education so that bachelor is 1, master is 2 and phd is 3",
            {
                "column": "education",
                "mapping": [
                    {"from": "bachelor", "to": 1},
                    {"from": "master", "to": 2},
                    {"from": "phd", "to": 3},
                ],
            },
        ),
        (
            "reverse code intent",
            {"column": "intent", "mapping": [{"from": n, "to": 6 - n} for n in range(1, 6)]},
        ),
        (
            "map satisfaction: very satisfied -> 4, satisfied -> 3, neutral -> 2, dissatisfied -> 1",
            {"column": "satisfaction"},
        ),
        (
            "encode gender as male=M, female=F into sex",
            {
                "column": "gender",
                "new_name": "sex",
                "mapping": [{"from": "male", "to": "M"}, {"from": "female", "to": "F"}],
            },
        ),
    ],
    "trim_text": [
        ("trim whitespace in name", {"columns": ["name"]}),
        ("strip leading and trailing spaces from comment", {"columns": ["comment"]}),
        ("remove extra spaces in city and province", {"columns": ["city", "province"]}),
        ("trim the email column", {"columns": ["email"]}),
        ("get rid of stray spaces in notes", {"columns": ["notes"]}),
    ],
    "change_case": [
        ("convert email to lowercase", {"columns": ["email"], "to": "lower"}),
        ("make user_id upper case", {"columns": ["user_id"], "to": "upper"}),
        ("put name in title case", {"columns": ["name"], "to": "title"}),
        ("lowercase email and name", {"columns": ["email", "name"], "to": "lower"}),
        ("change city to all caps", {"columns": ["city"], "to": "upper"}),
    ],
    "extract_text": [
        ("extract the phone number from comment", {"column": "comment", "preset": "phone"}),
        ("pull the digits out of notes", {"column": "notes", "preset": "number"}),
        (
            "get the email address from comment into contact_mail",
            {"column": "comment", "preset": "email", "new_name": "contact_mail"},
        ),
        ("extract the letters from user_id", {"column": "user_id", "preset": "letters"}),
        ('extract from user_id with the pattern "[A-Z]+"', {"column": "user_id", "pattern": "[A-Z]+"}),
    ],
    "standardize_region": [
        ("standardize city names", {"columns": ["city"], "level": "city"}),
        ("normalize the city column", {"columns": ["city"], "level": "city"}),
        ("unify the spellings of province", {"columns": ["province"], "level": "province"}),
        ("standardise city to full names", {"columns": ["city"], "style": "full"}),
        (
            "standardize province and set unknown ones to missing",
            {"columns": ["province"], "level": "province", "unmatched": "missing"},
        ),
    ],
    "standardize_date": [
        ("standardize the dates in submit_date", {"columns": ["submit_date"]}),
        ("normalize date formats", {"order": "auto"}),
        ("convert submit_date to ISO format", {"columns": ["submit_date"]}),
        ("parse start_date as day first", {"columns": ["start_date"], "order": "day_first"}),
        ("make the formats of start_date and end_date consistent", {"columns": ["start_date", "end_date"]}),
    ],
    "handle_outliers": [
        (
            "remove the outliers in age",
            {"column": "age", "method": "range", "action": "drop", "low": 0, "high": 120},
        ),
        (
            "set outliers of score to missing",
            {"column": "score", "method": "range", "action": "missing", "low": 0, "high": 10},
        ),
        (
            "drop income outliers beyond 3 standard deviations",
            {"column": "income", "method": "zscore", "action": "drop", "k": 3.0},
        ),
        ("flag outliers in income using the IQR", {"column": "income", "method": "iqr", "action": "flag"}),
        (
            "cap income between 0 and 50000",
            {"column": "income", "method": "range", "action": "clip", "low": 0, "high": 50000},
        ),
    ],
    "bin_numeric": [
        ("bin age into 18-24, 25-34 and 35+", {"column": "age", "bands": _BANDS}),
        ("group age into bands 18 to 24, 25 to 34, 35 and over", {"column": "age", "bands": _BANDS}),
        (
            "cut age at 18, 30 and 45",
            {
                "column": "age",
                "bands": [
                    {"low": None, "high": 18},
                    {"low": 18, "high": 30},
                    {"low": 30, "high": 45},
                    {"low": 45, "high": None},
                ],
            },
        ),
        (
            "split math into bands 0-59, 60-79, 80-100",
            {
                "column": "math",
                "bands": [{"low": 0, "high": 60}, {"low": 60, "high": 80}, {"low": 80, "high": 101}],
            },
        ),
        ("bucket age into age groups", {"column": "age"}),
    ],
    "group_aggregate": [
        ("average income by city", {"by": ["city"], "aggregations": [{"column": "income", "fn": "mean"}]}),
        ("how many respondents per gender", {"by": ["gender"], "aggregations": [{"fn": "count"}]}),
        ("what is the maximum of math?", {"by": [], "aggregations": [{"column": "math", "fn": "max"}]}),
        (
            "median and standard deviation of income for each province",
            {
                "by": ["province"],
                "aggregations": [{"column": "income", "fn": "median"}, {"column": "income", "fn": "sd"}],
            },
        ),
        (
            "what's the mean score",
            {
                "by": [],
                "aggregations": [{"column": "score", "fn": "mean"}],
                "where": cmp("score", "nin", [98, -999]),
            },
        ),
        (
            "weighted average income by city",
            {"by": ["city"], "weight": "wt", "aggregations": [{"column": "income", "fn": "mean"}]},
        ),
    ],
    "describe": [
        ("describe age", {"columns": ["age"]}),
        ("summary statistics for income", {"columns": ["income"]}),
        ("summarize the data", {"columns": []}),
        ("give me descriptive statistics of reading and math", {"columns": ["reading", "math"]}),
        ("show an overview of age", {"columns": ["age"]}),
    ],
    "value_counts": [
        ("frequency table of city", {"column": "city"}),
        ("show the distribution of satisfaction", {"column": "satisfaction"}),
        ("value counts for education", {"column": "education"}),
        ("breakdown of channels", {"column": "channels"}),
        ("weighted frequencies of satisfaction", {"column": "satisfaction", "weight": "wt"}),
    ],
    "crosstab": [
        ("crosstab intent by city and gender", {"rows": ["intent"], "banner": ["city", "gender"]}),
        ("cross tabulate satisfaction by gender", {"rows": ["satisfaction"], "banner": ["gender"]}),
        ("show education by city as a cross-tab", {"rows": ["education"], "banner": ["city"]}),
        (
            "make a banner table of satisfaction by province and gender",
            {"rows": ["satisfaction"], "banner": ["province", "gender"]},
        ),
        (
            "nested crosstab of satisfaction by province and gender",
            {"rows": ["satisfaction"], "banner": ["province", "gender"], "nested": True},
        ),
    ],
    "nps": [
        ("what is the NPS?", {"column": "score", "by": []}),
        ("calculate NPS on score", {"column": "score"}),
        ("net promoter score by city", {"column": "score", "by": ["city"]}),
        ("show nps for each gender", {"column": "score", "by": ["gender"]}),
        ("weighted nps", {"column": "score", "weight": "wt"}),
    ],
    "annotate_columns": [
        (
            "the label of score is likelihood to recommend",
            {"changes": [{"column": "score", "label": "likelihood to recommend"}]},
        ),
        (
            'label channels as "Purchase channels"',
            {"changes": [{"column": "channels", "label": "Purchase channels"}]},
        ),
        (
            "in gender, 1 means male and 2 means female",
            {
                "changes": [
                    {
                        "column": "gender",
                        "value_labels": [{"value": "1", "label": "male"}, {"value": "2", "label": "female"}],
                    }
                ]
            },
        ),
        (
            "math is a 0 to 100 scale",
            {
                "changes": [
                    {
                        "column": "math",
                        "kind": "scale",
                        "scale": {"min": 0, "max": 100, "direction": "ascending"},
                    }
                ]
            },
        ),
        (
            "set the label for education to Highest degree",
            {"changes": [{"column": "education", "label": "Highest degree"}]},
        ),
    ],
}
