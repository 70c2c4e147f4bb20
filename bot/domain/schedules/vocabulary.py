"""The words in which people say when something is to happen, in five languages."""

from __future__ import annotations

from enum import Enum, auto


class Word(Enum):
    """What a word is about."""

    NOISE = auto()
    AT = auto()
    TO = auto()
    DAY = auto()
    WEEK = auto()
    MONTH = auto()
    WEEKDAYS = auto()
    """With the days of the week that it names, 0 is Monday."""
    TIME = auto()
    """With the minute of the day that it names."""
    UNIT = auto()
    """With its seconds; one that is said alone means one of them."""
    HALF = auto()
    """Of the day: with the hours that it adds to a time, 0 or 12."""


Meaning = tuple[Word, tuple[int, ...]]

_LISTS: tuple[tuple[Word, tuple[int, ...], str], ...] = (
    (
        Word.NOISE,
        (),
        "every,each,on,the,of,and,in,o'clock,from,jeden,jede,jedes,alle,den,der,dem,des,am,von,im,immer",
    ),
    (Word.NOISE, (), "jeweils,und,uhr,cada,todos,todas,los,las,el,la,de,del,en,y,e,desde,por"),
    (Word.NOISE, (), "毎,ごと,に,の,は,から,と,每,每个,的,隔,在,和,从,個,个"),
    (Word.AT, (), "at,um,a las,a la"),
    (Word.TO, (), "to,through,until,-,–,bis,a,hasta,al,まで,~,〜,到,至"),
    (Word.DAY, (), "day,daily,days,everyday,tag,tage,tags,täglich,taeglich,día,dia,días,dias,diario,diariamente"),
    (Word.DAY, (), "毎日,每天,每日,天天"),
    (Word.WEEK, (), "week,weekly,woche,wöchentlich,woechentlich,semana,semanal,semanalmente,毎週"),
    (Word.MONTH, (), "month,monthly,monat,monats,monatlich,mes,mensual,mensualmente,毎月,每月,每个月,每個月"),
    (Word.WEEKDAYS, (0, 1, 2, 3, 4), "weekday,weekdays,workday,workdays,werktag,werktags,werktage,wochentag"),
    (
        Word.WEEKDAYS,
        (0, 1, 2, 3, 4),
        "wochentags,wochentage,arbeitstag,arbeitstags,laborable,laborables,平日,工作日",
    ),
    (Word.WEEKDAYS, (0, 1, 2, 3, 4), "día laborable,dia laborable,días laborables,dias laborables"),
    (Word.WEEKDAYS, (5, 6), "weekend,weekends,wochenende,fin de semana,fines de semana,週末,周末"),
    (Word.WEEKDAYS, (0,), "monday,mondays,mon,montag,montags,lunes,月曜日,月曜,周一,週一,星期一"),
    (Word.WEEKDAYS, (1,), "tuesday,tuesdays,tue,tues,dienstag,dienstags,martes,火曜日,火曜,周二,週二,星期二"),
    (Word.WEEKDAYS, (2,), "wednesday,wednesdays,wed,mittwoch,mittwochs,miércoles,miercoles,水曜日,水曜"),
    (Word.WEEKDAYS, (2,), "周三,週三,星期三"),
    (Word.WEEKDAYS, (3,), "thursday,thursdays,thu,donnerstag,donnerstags,jueves,木曜日,木曜,周四,週四,星期四"),
    (Word.WEEKDAYS, (4,), "friday,fridays,fri,freitag,freitags,viernes,金曜日,金曜,周五,週五,星期五"),
    (Word.WEEKDAYS, (5,), "saturday,saturdays,sat,samstag,samstags,sonnabend,sábado,sábados,sabado,sabados"),
    (Word.WEEKDAYS, (5,), "土曜日,土曜,周六,週六,星期六"),
    (Word.WEEKDAYS, (6,), "sunday,sundays,sun,sonntag,sonntags,domingo,domingos,日曜日,日曜,周日,周天,週日"),
    (Word.WEEKDAYS, (6,), "星期日,星期天"),
    (
        Word.UNIT,
        (3600,),
        "hour,hours,hourly,h,hr,hrs,stunde,stunden,stündlich,stuendlich,hora,horas,時間,小时,小時",
    ),
    (Word.UNIT, (60,), "minute,minutes,min,mins,minuten,minuto,minutos,分,分間,分钟,分鐘"),
    (Word.TIME, (720,), "noon,mittag,mittags,mediodía,mediodia,正午,中午"),
    (Word.TIME, (0,), "midnight,mitternacht,medianoche,真夜中,午夜"),
    (Word.HALF, (0,), "午前,上午,早上"),
    (Word.HALF, (12,), "午後,下午,晚上"),
)

VOCABULARY: dict[str, Meaning] = {
    word: (kind, numbers) for kind, numbers, words in _LISTS for word in words.split(",")
}
"""Every word that is understood, in small letters."""

LONGEST = max(map(len, VOCABULARY))
"""Characters."""
